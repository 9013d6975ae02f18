//! The dialogue with each client: who it is, what it wants, how long it may take, how much it may send.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::door::Door;
use super::engine::Event;
use super::work::{Caller, Typed};
use crate::domain::failure::{Failure, FailureClass};
use crate::protocol::VERSION;
use crate::protocol::frame::{LONGEST_REQUEST, Lines, decode, encode};
use crate::protocol::message::{Action, FromClient, FromDaemon, Hello, Places, Request};
use crate::socket;

/// How long a client may take for its hello and its request, and for reading an answer. A client that waits for its
/// user to type a code sends nothing meanwhile and is not hurried.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a client that was let in may take to say what it wants once the daemon is to end.
const GRACE: Duration = Duration::from_millis(500);
/// How long one warning about connections that cannot be accepted is enough.
const WARNED: Duration = Duration::from_mins(1);

/// Accepts clients until it is told to stop, then finishes the dialogues in hand.
pub(super) async fn serve(
    listener: UnixListener,
    places: Arc<Places>,
    events: mpsc::Sender<Event>,
    stopping: watch::Receiver<bool>,
) {
    let mut door = Door::new();
    let mut dialogues = JoinSet::new();
    let mut stopped = stopping.clone();
    let mut stopped = std::pin::pin!(told(&mut stopped));
    let mut warned: Option<JoinHandle<()>> = None;
    loop {
        let next = async {
            let room = door.room().await?;
            Some((room, listener.accept().await))
        };
        let (room, stream) = tokio::select! {
            Some((room, accepted)) = next => match accepted {
                Ok((stream, _)) => (room, stream),
                Err(error) => {
                    // Out of descriptors, most likely: the client stays in the queue until some are free.
                    if warned.as_ref().is_none_or(JoinHandle::is_finished) {
                        tracing::warn!(%error, "connections not accepted for now");
                        warned = Some(tokio::spawn(tokio::time::sleep(WARNED)));
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = &mut stopped => break,
            else => break,
        };
        while dialogues.try_join_next().is_some() {}
        let Some(peer) = stream.peer_cred().ok().filter(|peer| peer.uid() == socket::own_uid()) else {
            tracing::debug!(reason = "another user", "client refused");
            continue;
        };
        let Some(visit) = door.enter(peer.pid(), room) else {
            tracing::debug!(reason = "too many of its process", "client refused");
            refuse_at_once(stream);
            continue;
        };
        let (places, events, stopping) = (Arc::clone(&places), events.clone(), stopping.clone());
        dialogues.spawn(async move {
            if let Err(reason) = dialogue(stream, peer.pid(), &places, &events, stopping).await {
                tracing::debug!(reason, "client refused");
            }
            drop(visit);
        });
    }
    drop(listener);
    while dialogues.join_next().await.is_some() {}
}

/// One client from hello to goodbye. The error is a fixed word for the log: nothing of what it sent is repeated.
async fn dialogue(
    stream: UnixStream,
    pid: Option<i32>,
    places: &Places,
    events: &mpsc::Sender<Event>,
    stopping: watch::Receiver<bool>,
) -> Result<(), &'static str> {
    let (read, write) = stream.into_split();
    let mut reader = Reader { read, lines: Lines::new(LONGEST_REQUEST) };
    let mut writer = Writer(write);
    // Whoever was let in before the end is served, if it is not slow to say what it wants.
    let ends = async {
        told(&mut stopping.clone()).await;
        tokio::time::sleep(GRACE).await;
    };
    let request = tokio::select! {
        request = greet(&mut reader, &mut writer, places) => request?,
        () = ends => return Err("the daemon ends"),
    };
    converse((request, pid), reader, writer, events, stopping).await
}

/// Says goodbye to a connection for which there is no room, in the little that its buffer takes without waiting.
fn refuse_at_once(stream: UnixStream) {
    let failure = Failure::new(FailureClass::Unavailable, "the daemon is asked too much at once");
    let failure = failure.hint("try again when fewer commands run").into();
    let line = encode(&FromDaemon::Failed { id: 0, failure }).unwrap_or_default();
    let said = stream.into_std().and_then(|mut stream| stream.write_all(&line));
    if said.is_err() {
        tracing::debug!("refusal not taken");
    }
}

/// Both hellos, and what the client wants.
async fn greet(reader: &mut Reader, writer: &mut Writer, places: &Places) -> Result<Request, &'static str> {
    let line = reader.soon().await.ok_or("no hello")?;
    let Ok(theirs) = decode::<Announced>(&line) else {
        writer.refuse(Failure::new(FailureClass::Internal, "no hello of this protocol")).await;
        return Err("no hello of this protocol");
    };
    if theirs.protocol != VERSION {
        writer.refuse(other_version(&theirs.version)).await;
        return Err("another version");
    }
    let Ok(theirs) = decode::<Hello>(&line) else {
        writer.refuse(Failure::new(FailureClass::Internal, "no hello of this protocol")).await;
        return Err("no hello of this protocol");
    };
    if let Some(failure) = differs(&theirs.places, places) {
        writer.refuse(failure).await;
        return Err("other places");
    }
    let ours = Hello {
        protocol: VERSION,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        places: places.clone(),
    };
    writer.send(&ours).await.ok_or("no answer taken")?;
    let line = reader.soon().await.ok_or("no request")?;
    let Ok(FromClient::Request(request)) = decode(&line) else {
        writer.refuse(Failure::new(FailureClass::Internal, "no request of this protocol")).await;
        return Err("no request of this protocol");
    };
    Ok(request)
}

/// Passes answers out and codes in until the request is done.
async fn converse(
    (Request { id, action }, pid): (Request, Option<i32>),
    mut reader: Reader,
    mut writer: Writer,
    events: &mpsc::Sender<Event>,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), &'static str> {
    let ends = || Failure::new(FailureClass::Unavailable, "the daemon ends").hint("try again");
    let watches = matches!(action, Action::Status { watch: true, .. });
    let (answers, mut outgoing) = mpsc::channel(8);
    let (typed, codes) = mpsc::channel(1);
    let caller = Caller { id, answers, codes, pid };
    if events.send(Event::Asked(action, caller)).await.is_err() {
        writer.refuse(ends()).await;
        return Err("the daemon ends");
    }
    let mut typed = Some(typed);
    loop {
        tokio::select! {
            answer = outgoing.recv() => match answer {
                Some(answer) => {
                    writer.send(&answer).await.ok_or("no answer taken")?;
                    if matches!(answer, FromDaemon::Done { .. } | FromDaemon::Failed { .. }) {
                        return Ok(());
                    }
                }
                None => return Ok(()),
            },
            // What is read is kept between turns, so a turn that ends otherwise loses nothing.
            line = reader.line(), if typed.is_some() => match line.as_deref().map(decode::<FromClient>) {
                Some(Ok(FromClient::Code { code, question, .. })) => give(typed.as_ref(), Ok((code, question))),
                Some(Ok(FromClient::NoCode { failure, .. })) => give(typed.as_ref(), Err(failure.into())),
                // It went away, has closed its half, or says what nobody asked: its request goes on and is answered,
                // but it cannot give a code any more. A watcher is done.
                Some(Ok(FromClient::Request(_)) | Err(_)) | None if watches => return Ok(()),
                Some(Ok(FromClient::Request(_)) | Err(_)) | None => typed = None,
            },
            () = told(&mut stopping), if typed.is_some() => {
                if watches {
                    return Ok(());
                }
                // Nobody is waited for at the end.
                give(typed.take().as_ref(), Err(ends()));
            }
        }
    }
}

/// Returns once the daemon is to stop.
async fn told(stopping: &mut watch::Receiver<bool>) {
    // An error means that the loop is gone, which is the same.
    drop(stopping.wait_for(|stop| *stop).await);
}

fn give(typed: Option<&mpsc::Sender<Typed>>, code: Typed) {
    if let Some(typed) = typed {
        // Full or closed: nobody asked.
        drop(typed.try_send(code));
    }
}

/// What a hello of any version says.
#[derive(Deserialize)]
struct Announced {
    protocol: u32,
    #[serde(default)]
    version: String,
}

struct Reader {
    read: OwnedReadHalf,
    lines: Lines,
}

impl Reader {
    /// The next line, if it comes soon.
    async fn soon(&mut self) -> Option<Vec<u8>> {
        tokio::time::timeout(PATIENCE, self.line()).await.ok().flatten()
    }

    /// The next line; `None` at the end of the connection and for a line that is too long.
    async fn line(&mut self) -> Option<Vec<u8>> {
        let mut bytes = [0; 4096];
        loop {
            if let Some(line) = self.lines.next_line().ok()? {
                return Some(line);
            }
            match self.read.read(&mut bytes).await {
                Ok(0) | Err(_) => return None,
                Ok(read) => self.lines.push(bytes.get(..read)?),
            }
        }
    }
}

struct Writer(OwnedWriteHalf);

impl Writer {
    async fn send(&mut self, message: &impl Serialize) -> Option<()> {
        let line = encode(message).ok()?;
        tokio::time::timeout(PATIENCE, self.0.write_all(&line)).await.ok()?.ok()
    }

    async fn refuse(&mut self, failure: Failure) {
        if self.send(&FromDaemon::Failed { id: 0, failure: failure.into() }).await.is_none() {
            tracing::debug!("refusal not taken");
        }
    }
}

fn other_version(theirs: &str) -> Failure {
    let ours = env!("CARGO_PKG_VERSION");
    let message = format!(
        "the daemon that runs has version {ours} and this is {theirs}: they do not understand each other"
    );
    Failure::new(FailureClass::Internal, message).hint(format!(
        "stsd service restart   (a daemon that was started by hand: kill {} && stsd daemon)",
        std::process::id()
    ))
}

/// What the client's environment leads elsewhere. The daemon's counts, and doing something to other files than the
/// user sees would be the worst of answers.
fn differs(theirs: &Places, ours: &Places) -> Option<Failure> {
    let pairs = [
        ("configuration", &theirs.config, &ours.config),
        ("credentials file", &theirs.aws_credentials, &ours.aws_credentials),
        ("AWS configuration", &theirs.aws_config, &ours.aws_config),
    ];
    let endpoint = |place: &Places| place.endpoint.clone().unwrap_or_else(|| "AWS's own".to_owned());
    let (what, theirs, ours) = pairs
        .into_iter()
        .map(|(what, theirs, ours)| (what, theirs.clone(), ours.clone()))
        .chain([("STS endpoint", endpoint(theirs), endpoint(ours))])
        .find(|(_, theirs, ours)| theirs != ours)?;
    Some(
        Failure::new(FailureClass::Config, format!("the {what} here is {theirs}, the daemon's is {ours}"))
            .hint("systemctl --user edit stsd.service   (to give the daemon this environment; or use the daemon's here)"),
    )
}
