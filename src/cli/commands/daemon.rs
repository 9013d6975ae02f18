//! `stsd daemon`

use std::os::unix::net::UnixListener;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Mutex, mpsc};

use crate::adapters::process;
use crate::cli::here::Here;
use crate::cli::world::daemon_world;
use crate::daemon::{Order, run as serve};
use crate::domain::failure::{Failure, FailureClass};
use crate::socket::{self, SocketError};
use crate::usecase::profiles::load_config;

pub(crate) async fn run(here: &Here) -> Result<u8, Failure> {
    process::make_files_private();
    process::allow_many_files();
    // Files are watched before any is read, and signals are taken before a client can see the socket: nothing that
    // happens while this starts is lost.
    let world = daemon_world(here);
    let orders = Mutex::new(signals()?);
    let config = load_config(&here.ports)?;
    let only = socket::claim(&here.paths.socket).map_err(|error| refused(&error))?;
    let listener = match process::passed_listener() {
        Some(listener) => listener,
        None => socket::bind(&here.paths.socket, &only).map_err(|error| refused(&error))?,
    };
    let next = || async {
        // A closed channel would mean that the handlers are gone: then nothing can be ordered any more.
        match orders.lock().await.recv().await {
            Some(order) => order,
            None => std::future::pending().await,
        }
    };
    let bound: UnixListener = listener;
    serve(bound, config, here.places.clone(), world, next).await?;
    Ok(0)
}

/// SIGTERM and SIGINT stop the daemon, SIGHUP makes it read the configuration again.
fn signals() -> Result<mpsc::Receiver<Order>, Failure> {
    let (orders, queue) = mpsc::channel(4);
    let kinds = [
        (SignalKind::terminate(), Order::Stop),
        (SignalKind::interrupt(), Order::Stop),
        (SignalKind::hangup(), Order::Reload),
    ];
    for (kind, order) in kinds {
        let mut received: Signal = signal(kind).map_err(|error| {
            Failure::new(FailureClass::Internal, format!("signals cannot be received: {}", error.kind()))
        })?;
        let orders = orders.clone();
        tokio::spawn(async move {
            while received.recv().await.is_some() {
                if orders.send(order).await.is_err() {
                    return;
                }
            }
        });
    }
    Ok(queue)
}

fn refused(error: &SocketError) -> Failure {
    match error {
        SocketError::Running(_) => {
            Failure::new(FailureClass::Internal, error.to_string()).hint("stsd status")
        }
        SocketError::TooLong(_) | SocketError::Unsafe { .. } | SocketError::Io { .. } => {
            Failure::new(FailureClass::Config, error.to_string())
                .hint("look at STSD_SOCKET and XDG_RUNTIME_DIR")
        }
    }
}
