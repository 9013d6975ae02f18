//! A server on loopback that answers by a script, connection by connection, and keeps what it was sent.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// No wait of the server's is longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is done with one connection.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The request is read and answered with these bytes.
    Answer(Vec<u8>),
    /// The same, and then nothing more until the client goes.
    AnswerAndHang(Vec<u8>),
    /// The connection is closed before anything is read.
    DropUnread,
    /// The request is read, and the connection closed.
    DropRead,
    /// The request is read, and nothing more happens until the client goes.
    Hang,
}

/// One request, as text.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) head: String,
    pub(super) body: String,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> &str {
        let matching = |line: &&str| line.split(':').next().is_some_and(|n| n.eq_ignore_ascii_case(name));
        self.head.lines().find(matching).and_then(|line| line.split_once(':')).unwrap().1.trim()
    }
}

/// How a connection is spoken over.
pub(super) trait Wrap: Send + 'static {
    fn serve(&mut self, stream: TcpStream, step: Option<&Step>) -> Option<Received>;
}

/// Without TLS.
pub(super) struct Plain;

impl Wrap for Plain {
    fn serve(&mut self, mut stream: TcpStream, step: Option<&Step>) -> Option<Received> {
        serve(&mut stream, step)
    }
}

pub(super) struct Server {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(script: Vec<Step>) -> Self {
        Self::start_with(script, Plain)
    }

    pub(super) fn start_with(script: Vec<Step>, mut wrap: impl Wrap) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let stopping = Arc::new(AtomicBool::new(false));
        let (log, stop) = (Arc::clone(&received), Arc::clone(&stopping));
        let thread = std::thread::spawn(move || {
            let mut script = script.into_iter();
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let stream = stream.unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                // A connection beyond the script is kept in the log too, and closed.
                let request = wrap.serve(stream, script.next().as_ref());
                log.lock().unwrap().extend(request);
            }
        });
        Self { address, received, stopping, thread: Some(thread) }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// All requests; ends the server.
    pub(super) fn requests(mut self) -> Vec<Received> {
        self.stop();
        self.received.lock().unwrap().clone()
    }

    fn stop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        self.thread.take().map(JoinHandle::join);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Performs one step on one stream.
pub(super) fn serve(stream: &mut (impl Read + Write), step: Option<&Step>) -> Option<Received> {
    if matches!(step, Some(Step::DropUnread)) {
        return None;
    }
    let request = read_request(stream)?;
    match step {
        Some(Step::Answer(bytes)) => {
            // A client that has had enough closes its end.
            drop(stream.write_all(bytes).and_then(|()| stream.flush()));
        }
        Some(Step::AnswerAndHang(bytes)) => {
            drop(stream.write_all(bytes).and_then(|()| stream.read(&mut [0])));
        }
        Some(Step::Hang) => drop(stream.read(&mut [0])),
        Some(Step::DropRead | Step::DropUnread) | None => {}
    }
    Some(request)
}

fn read_request(stream: &mut impl Read) -> Option<Received> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            return Some(Received { head: head.to_owned(), body: body.to_owned() });
        }
    }
}
