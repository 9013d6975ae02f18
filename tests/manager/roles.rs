//! What a test needs to have done by a process of the user: this test program again.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use stsd::adapters::prompter::DesktopPrompter;
use stsd::domain::mfa::MfaSerial;
use stsd::domain::profile::ProfileName;
use stsd::domain::prompt::{PromptKind, Question};
use stsd::ports::prompter::{Manner, Prompter as _};
use zbus::zvariant::OwnedValue;

use crate::user::{User, await_that, this_program};

const ROLE: &str = "STSD_TEST_ROLE";
const MARK: &str = "role: ";

/// The command line of a role.
pub(crate) const ARGUMENTS: [&str; 3] = ["--exact", "roles::a_role_is_played", "--nocapture"];

/// The environment of one who asks with the pinentry, and waits so many seconds for an answer.
pub(crate) fn asks_with(pinentry: &str, seconds: u64) -> String {
    format!("{ROLE}=ask {pinentry} {seconds}")
}

/// The environment of one who says a hello at a socket, past all the checks of our own clients.
pub(crate) fn knocks_at(socket: &str) -> (&'static str, String) {
    (ROLE, format!("knock {socket}"))
}

/// What one who plays a role has said, in all that it printed.
pub(crate) fn said(printed: &str) -> String {
    let said = printed.lines().filter_map(|line| line.split_once(MARK)).map(|(_, said)| said);
    said.collect::<Vec<_>>().join("\n")
}

/// A notification server on the user's bus, until it is dropped.
pub(crate) struct Notifications {
    server: Child,
    shown: Receiver<String>,
}

impl Notifications {
    pub(crate) fn of(user: &User) -> Self {
        let mut command: Command = user.command(this_program());
        command.args(ARGUMENTS).env(ROLE, "notifications");
        let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap());
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                if line.contains(MARK) && sender.send(said(&line)).is_err() {
                    return;
                }
            }
        });
        let server = Self { server, shown };
        assert_eq!(server.shown(), "ready");
        server
    }

    /// The headline of the next notice.
    #[track_caller]
    pub(crate) fn shown(&self) -> String {
        self.shown.recv_timeout(Duration::from_secs(20)).expect("nothing is shown")
    }
}

impl Drop for Notifications {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// No test of its own.
#[test]
fn a_role_is_played() {
    let Ok(role) = std::env::var(ROLE) else { return };
    match role.split(' ').collect::<Vec<_>>().as_slice() {
        ["notifications"] => show_notices(),
        ["knock", socket] => knock(socket),
        ["ask", pinentry, seconds] => ask(pinentry.into(), Duration::from_secs(seconds.parse().unwrap())),
        other => panic!("no such role: {other:?}"),
    }
}

fn say(text: &str) {
    // Past the harness, and in one piece.
    std::io::stdout().write_all(format!("{MARK}{text}\n").as_bytes()).unwrap();
}

/// Says hello and how many bytes came back.
fn knock(socket: &str) {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // It may have been closed already.
    drop(stream.write_all(b"{\"protocol\":0,\"version\":\"0\"}\n"));
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    say(&format!("{} bytes", answer.len()));
}

struct Server {
    capabilities: [&'static str; 1],
    id: u32,
}

/// What `Notify` takes: program, id to replace, icon, headline, text, actions, hints and time.
type Notice = (String, u32, String, String, String, Vec<String>, HashMap<String, OwnedValue>, i32);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Server {
    fn get_capabilities(&self) -> &[&str] {
        &self.capabilities
    }

    #[expect(clippy::too_many_arguments, reason = "so many has the method of the specification")]
    fn notify(
        &self,
        app: String,
        replaces: u32,
        icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        expires: i32,
    ) -> u32 {
        let notice: Notice = (app, replaces, icon, summary, body, actions, hints, expires);
        say(&notice.3);
        self.id
    }

    fn close_notification(&self, id: u32) {
        assert_eq!(id, self.id);
    }
}

/// Shows notices until its input ends.
fn show_notices() {
    let _connection = zbus::blocking::connection::Builder::session()
        .and_then(|bus| {
            bus.serve_at("/org/freedesktop/Notifications", Server { capabilities: ["body"], id: 1 })
        })
        .and_then(|bus| bus.name("org.freedesktop.Notifications"))
        .and_then(zbus::blocking::connection::Builder::build)
        .unwrap();
    say("ready");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

/// Asks as the daemon does, once, and stays until nothing of it is left.
fn ask(pinentry: OsString, patience: Duration) {
    let question = Question {
        profiles: vec![ProfileName::parse("work").unwrap()],
        serial: MfaSerial::parse("arn:aws:iam::123456789012:mfa/alice").unwrap(),
        asked_by: "a notice".to_owned(),
        refused: None,
    };
    let manner = Manner { kind: PromptKind::Pinentry, pinentry: Some(pinentry.into()) };
    let prompter = DesktopPrompter::with(std::env::vars_os(), patience);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on(prompter.ask(&question, &manner, None)) {
        Ok(code) => say(code.digits()),
        Err(error) => say(&format!("{error:?}")),
    }
    let list = ["--user", "list-units", "--all", "--plain", "--no-legend", "stsd-prompt-*"];
    let left = || {
        let output = Command::new("/usr/bin/systemctl").args(list).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    await_that(left, || left().is_empty());
    say("nothing is left");
}
