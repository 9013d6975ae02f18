//! The other end of the dialogue: how a command asks the daemon.

use std::io::ErrorKind;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::domain::failure::{Failure, FailureClass};
use crate::protocol::frame::{LONGEST_ANSWER, Lines, decode, encode};
use crate::protocol::message::{Action, Answer, FromClient, FromDaemon, Hello, Request, WireCode};
use crate::protocol::{VERSION, message::Places};
use crate::socket;

/// How long the daemon may take for its hello: it answers at once, or after socket activation has started it.
const HELLO: Duration = Duration::from_secs(10);

/// One request per connection, so its id is always the same.
const ID: u64 = 1;

/// A daemon that has said hello.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    lines: Lines,
    hello: Hello,
    /// True once a code has left this process: from then on nothing may be tried a second time.
    code_sent: bool,
}

/// A code that may be typed.
pub type Typing<'a> = Pin<Box<dyn Future<Output = Result<WireCode, Failure>> + 'a>>;

/// What a caller does with a message that is not the end of a request.
pub trait Dialogue {
    /// Gets the code that the daemon asks for, after this refusal of another one. The answer is dropped when it is not
    /// wanted any more; if another one is, this is called again.
    ///
    /// # Errors
    ///
    /// The failure that the command would report if nobody answers; the daemon passes it back.
    fn code<'a>(
        &'a mut self,
        profiles: &'a [String],
        serial: &'a str,
        refused: Option<&'a str>,
    ) -> Typing<'a>;

    /// Takes an answer that others follow; false if no more are wanted.
    fn progress(&mut self, answer: Answer) -> bool;
}

/// The question of the daemon.
struct Wanted {
    profiles: Vec<String>,
    serial: String,
    refused: Option<String>,
    question: Option<u64>,
}

impl Client {
    /// Connects to the daemon at `socket`; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Class `Config` if the socket is not safe or the daemon means other files, class `Internal` if it speaks another
    /// version, class `Unavailable` if it does not answer.
    pub async fn connect(socket: &Path, places: Places) -> Result<Option<Self>, Failure> {
        let there = socket::is_there(socket).map_err(|error| {
            Failure::new(FailureClass::Config, error.to_string())
                .hint("look at STSD_SOCKET and XDG_RUNTIME_DIR")
        })?;
        if !there {
            return Ok(None);
        }
        let stream = match UnixStream::connect(socket).await {
            Ok(stream) => stream,
            // A socket that nobody listens at is what a daemon left that was killed.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => {
                return Ok(None);
            }
            // Its queue is full, for one: a daemon that is there must not be passed by.
            Err(error) => {
                let message = format!("the daemon cannot be reached: {}", error.kind());
                return Err(Failure::new(FailureClass::Unavailable, message).hint("try again"));
            }
        };
        if !stream.peer_cred().is_ok_and(|peer| peer.uid() == socket::own_uid()) {
            return Err(Failure::new(FailureClass::Config, "the daemon at the socket is another user's")
                .hint("look at STSD_SOCKET and XDG_RUNTIME_DIR"));
        }
        let mut lines = Lines::new(LONGEST_ANSWER);
        let mut stream = stream;
        let ours = Hello {
            protocol: VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            places,
        };
        let silent = || {
            Failure::new(FailureClass::Unavailable, "the daemon does not answer")
                .hint("stsd service logs   (then: stsd service restart)")
        };
        let exchange = async {
            send(&mut stream, &ours).await.ok()?;
            receive(&mut stream, &mut lines).await.ok()?
        };
        let line = tokio::time::timeout(HELLO, exchange).await.ok().flatten().ok_or_else(silent)?;
        let Ok(hello) = decode::<Hello>(&line) else {
            // A daemon that refuses the dialogue says why in place of its hello.
            return Err(match decode(&line) {
                Ok(FromDaemon::Failed { failure, .. }) => failure.into(),
                Ok(_) | Err(_) => other_version("another"),
            });
        };
        if hello.protocol != VERSION {
            return Err(other_version(&hello.version));
        }
        Ok(Some(Self { stream, lines, hello, code_sent: false }))
    }

    /// What the daemon said of itself.
    #[must_use]
    pub fn daemon(&self) -> &Hello {
        &self.hello
    }

    /// Makes one request and answers the daemon's questions until it is done.
    ///
    /// # Errors
    ///
    /// What the daemon reports, or class `Unavailable` if the connection is lost: whatever was sent may have been
    /// done, so nothing is tried again.
    pub async fn call(mut self, action: Action, dialogue: &mut dyn Dialogue) -> Result<Answer, Failure> {
        self.code_sent = matches!(&action, Action::Refresh { code: Some(_), .. });
        let request = FromClient::Request(Request { id: ID, action });
        if send(&mut self.stream, &request).await.is_err() {
            return Err(self.lost());
        }
        let mut wanted: Option<Wanted> = None;
        loop {
            let line = match &wanted {
                None => receive(&mut self.stream, &mut self.lines).await,
                Some(Wanted { profiles, serial, refused, question }) => {
                    let typing = dialogue.code(profiles, serial, refused.as_deref());
                    // Whatever is read is kept in `lines`, so the loser of the race loses nothing.
                    tokio::select! {
                        line = receive(&mut self.stream, &mut self.lines) => line,
                        typed = typing => {
                            let answer = match typed {
                                Ok(code) => {
                                    self.code_sent = true;
                                    FromClient::Code { id: ID, code, question: *question }
                                }
                                Err(failure) => FromClient::NoCode { id: ID, failure: failure.into() },
                            };
                            wanted = None;
                            if send(&mut self.stream, &answer).await.is_err() {
                                return Err(self.lost());
                            }
                            continue;
                        }
                    }
                }
            };
            let Ok(Some(line)) = line else { return Err(self.lost()) };
            match decode(&line) {
                Ok(FromDaemon::Done { answer, .. }) => return Ok(answer),
                Ok(FromDaemon::Failed { failure, .. }) => return Err(failure.into()),
                Ok(FromDaemon::Progress { answer, .. }) => {
                    if !dialogue.progress(answer) {
                        return Ok(Answer::Nothing);
                    }
                }
                Ok(FromDaemon::CodeWanted { profiles, serial, refused, question, .. }) => {
                    wanted = Some(Wanted { profiles, serial, refused, question });
                }
                Err(_) => return Err(other_version(&self.hello.version)),
            }
        }
    }

    fn lost(&self) -> Failure {
        let message = if self.code_sent {
            "the connection to the daemon was lost after the code was sent: the code may be spent"
        } else {
            "the connection to the daemon was lost"
        };
        Failure::new(FailureClass::Unavailable, message).hint("look at the sessions first: stsd status")
    }
}

fn other_version(theirs: &str) -> Failure {
    let ours = env!("CARGO_PKG_VERSION");
    Failure::new(
        FailureClass::Internal,
        format!(
            "the daemon that runs has version {theirs} and this is {ours}: they do not understand each other"
        ),
    )
    .hint("stsd service restart   (a daemon that was started by hand: stop it, and run stsd daemon)")
}

async fn send(stream: &mut UnixStream, message: &impl serde::Serialize) -> std::io::Result<()> {
    let line = zeroize::Zeroizing::new(encode(message).map_err(std::io::Error::other)?);
    stream.write_all(&line).await
}

/// The next line, or `None` at the end of the connection.
async fn receive(stream: &mut UnixStream, lines: &mut Lines) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = [0; 4096];
    loop {
        if let Some(line) = lines.next_line().map_err(std::io::Error::other)? {
            return Ok(Some(line));
        }
        match stream.read(&mut bytes).await? {
            0 => return Ok(None),
            read => lines.push(bytes.get(..read).unwrap_or_default()),
        }
    }
}
