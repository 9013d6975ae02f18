//! One connection: requests in, answers out, whole or not.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::answer::Outcome;
use crate::state::Shared;
use crate::{control, http, service};

/// Serves a connection until either side ends it.
pub(crate) async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut buffer = Vec::new();
    while let Some(request) = http::read(&mut stream, &mut buffer).await {
        let outcome = if request.path.starts_with(control::PREFIX) {
            control::handle(&mut shared.lock(), &request)
        } else {
            let outcome = service::handle(&mut shared.lock(), &request);
            shared.tell_logged();
            outcome
        };
        if perform(&mut stream, outcome).await.is_none() {
            return;
        }
    }
}

/// Does what was decided; `None` when that ends the connection.
async fn perform(stream: &mut TcpStream, outcome: Outcome) -> Option<()> {
    match outcome {
        Outcome::Send(answer, millis) => {
            if millis > 0 {
                sleep(Duration::from_millis(millis)).await;
            }
            let mut bytes = answer.head().into_bytes();
            bytes.extend(answer.body);
            stream.write_all(&bytes).await.ok()
        }
        Outcome::Drip(answer, millis) => {
            stream.write_all(answer.head().as_bytes()).await.ok()?;
            for byte in answer.body {
                stream.write_all(&[byte]).await.ok()?;
                sleep(Duration::from_millis(millis)).await;
            }
            Some(())
        }
        Outcome::Cut(answer, size) => {
            let mut bytes = answer.head().into_bytes();
            bytes.extend(&answer.body[..size]);
            stream.write_all(&bytes).await.ok()?;
            stream.shutdown().await.ok()?;
            None
        }
        Outcome::Raw(bytes) => {
            stream.write_all(&bytes).await.ok()?;
            stream.shutdown().await.ok()?;
            None
        }
        Outcome::Close => None,
        Outcome::Reset => {
            stream.set_zero_linger().ok()?;
            None
        }
        Outcome::Hang => {
            // Whatever the client still sends is swallowed; its leaving is seen.
            let mut sink = [0; 1024];
            while stream.read(&mut sink).await.is_ok_and(|size| size > 0) {}
            None
        }
    }
}
