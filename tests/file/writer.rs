//! A process that changes the credentials file once and does nothing else: this test binary again.
//!
//! The program's own processes start a runtime, talk to a keyring and to STS; in this one every system call of the
//! thread that works is one of the write, so that each can be met by its number.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use chrono::DateTime;
use stsd::adapters::session_store::FileStore;
use stsd::domain::keys::{AccessKeyId, SessionCredentials};
use stsd::domain::profile::SectionName;
use stsd::ports::session_store::{SectionTarget, SessionStore as _, StoreError};

const ROLE: &str = "STSD_TEST_WRITER";
const FILE: &str = "STSD_TEST_WRITER_FILE";
const READY: &str = "ready to write: ";

/// What is done to the section `work`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Put,
    Take,
}

/// The lines of the session that is put.
pub(crate) fn lines(tag: &str) -> String {
    format!(
        "aws_access_key_id = ASIA{tag:X>16}\naws_secret_access_key = secret/{tag}\n\
         aws_session_token = {}\nx_security_token_expires = 2026-11-22T03:04:05Z\n",
        token(tag)
    )
}

/// Changes the file in this process, from the preparation to the end of the watch.
pub(crate) fn write(path: &Path, order: Order, tag: &str) -> Result<(), StoreError> {
    let store = FileStore::new(path.to_owned());
    // One thread: the work is one sequence of calls.
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let section = SectionName::parse("work").unwrap();
        let targets = [SectionTarget { section, written: None, earlier: None, created: true }];
        match order {
            Order::Put => {
                let mut prepared = store.prepare(&targets).await?;
                prepared.write(&session(tag)).await?;
                prepared.settle().await
            }
            Order::Take => store.remove(&targets).await.map(drop),
        }
    })
}

/// The process, waiting to be told.
pub(crate) struct Writer {
    pub(crate) child: Child,
    /// Where it waits.
    door: u16,
    /// Open to the end: the harness prints there.
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Writer {
    /// Starts it and waits until it does nothing more but wait.
    pub(crate) fn start(path: &Path, order: Order) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "writer::writes_once_when_told", "--nocapture"]);
        command.env(ROLE, if order == Order::Put { "put" } else { "take" }).env(FILE, path);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let door = stdout.find_map(|line| line.unwrap().split_once(READY)?.1.parse().ok());
        Self { child, door: door.expect("the writer has ended"), stdout }
    }

    /// Lets it write, and waits for its end: true if it came to it.
    pub(crate) fn go(mut self) -> bool {
        let knock = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        knock.send_to(b"now", (Ipv4Addr::LOCALHOST, self.door)).unwrap();
        self.stdout.by_ref().map_while(Result::ok).for_each(drop);
        self.child.wait().unwrap().success()
    }
}

/// The process's side; an ordinary run of the tests passes it by.
#[test]
fn writes_once_when_told() {
    let (Some(role), Some(path)) = (std::env::var_os(ROLE), std::env::var_os(FILE)) else { return };
    let order = if role == "put" { Order::Put } else { Order::Take };
    let mut stdout = std::io::stdout();
    // A socket, since its calls are none that a write makes: these are counted.
    let door = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    writeln!(stdout, "{READY}{}", door.local_addr().unwrap().port()).unwrap();
    stdout.flush().unwrap();
    door.recv(&mut [0; 8]).unwrap();
    write(Path::new(&path), order, "NEW").unwrap();
}

fn session(tag: &str) -> SessionCredentials {
    SessionCredentials {
        id: AccessKeyId::parse(&format!("ASIA{tag:X>16}")).unwrap(),
        secret: format!("secret/{tag}").into(),
        token: token(tag).into(),
        expires_at: DateTime::parse_from_rfc3339("2026-11-22T03:04:05Z").unwrap().to_utc(),
    }
}

/// As long as a real one, so that the file is larger than one page.
fn token(tag: &str) -> String {
    tag.repeat(1200)
}
