//! The keychain in a process of its own, asked line by line.
//!
//! A bus is found through the environment, which a process cannot change safely for itself, and whether a process can
//! exit while its keychain hangs shows only in a whole process. The process is this test binary again.

use std::io::{BufRead as _, BufReader, Write as _, stdin};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret as _;
use stsd::adapters::keychain::OsKeychain;
use stsd::domain::keys::{AccessKeyId, LongTermKey};
use stsd::domain::profile::ProfileName;
use stsd::ports::keychain::{Keychain as _, KeychainError};

use super::FIRST;
use crate::bus::Desktop;
use crate::say;

const ROLE: &str = "STSD_TEST_KEYCHAIN_DEADLINE_MS";
const MARK: &str = "answer:";
/// No answer may take longer: the default deadline and what a busy machine adds.
const BOUND: Duration = Duration::from_secs(12);

/// A process with a keychain, on a desktop.
pub(super) struct Process {
    child: Child,
    requests: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Process {
    /// A keychain with the default deadline.
    pub(super) fn on(desktop: &Desktop) -> Self {
        Self::start(desktop.command(this_binary()), OsKeychain::DEADLINE)
    }

    /// A keychain in the environment of `command`, which must be of [`this_binary`].
    pub(super) fn start(mut command: Command, deadline: Duration) -> Self {
        command.args(["--exact", "keychain::child::answers_requests", "--nocapture"]);
        command.env(ROLE, deadline.as_millis().to_string());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let requests = child.stdin.take();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // The first answer may stand behind the harness's own words.
                if let Some((_, answer)) = line.split_once(MARK)
                    && sender.send(answer.trim().to_owned()).is_err()
                {
                    return;
                }
            }
        });
        Self { child, requests, lines }
    }

    /// Asks without waiting for the answer.
    pub(super) fn request(&mut self, request: &str) {
        writeln!(self.requests.as_mut().unwrap(), "{request}").unwrap();
    }

    /// Waits for the next answer, and for the time that it took.
    pub(super) fn answer(&mut self) -> (String, Duration) {
        let line = self.lines.recv_timeout(3 * BOUND).expect("the process gives no answer");
        let (millis, answer) = line.split_once(' ').unwrap();
        (answer.to_owned(), Duration::from_millis(millis.parse().unwrap()))
    }

    /// Asks and returns the answer.
    pub(super) fn ask(&mut self, request: &str) -> String {
        self.request(request);
        let (answer, took) = self.answer();
        assert!(took < BOUND, "{request}: {answer} after {took:?}");
        answer
    }

    /// Asks, compares the answer, shows the time and checks it against a bound.
    #[track_caller]
    pub(super) fn row(&mut self, situation: &str, request: &str, expected: &str, bound: Duration) {
        self.request(request);
        let (answer, took) = self.answer();
        show(situation, request, &answer, took);
        assert_eq!(answer, expected, "{situation}: {request}");
        assert!(took < bound.min(BOUND), "{situation}: {request} took {took:?}");
    }

    /// Ends the process and returns how long it took to go.
    pub(super) fn exit(mut self) -> Duration {
        let asked = Instant::now();
        drop(self.requests.take());
        // Its end of the pipe is closed when it is gone.
        assert_eq!(self.lines.recv_timeout(BOUND), Err(RecvTimeoutError::Disconnected), "it does not exit");
        assert!(self.child.wait().unwrap().success());
        asked.elapsed()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One measured row, with the verb of the request only.
pub(super) fn show(situation: &str, request: &str, answer: &str, took: Duration) {
    let verb = request.split(' ').next().unwrap_or_default();
    let answer = answer.replace(FIRST.1, "[secret]");
    say(&format!("{situation:<36} {verb:<11} {:>6} ms  {answer}", took.as_millis()));
}

pub(super) fn this_binary() -> std::path::PathBuf {
    std::env::current_exe().unwrap()
}

/// The other side: no test of its own.
#[test]
fn answers_requests() {
    let Ok(deadline) = std::env::var(ROLE) else { return };
    let keychain = OsKeychain::new(Duration::from_millis(deadline.parse().unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for line in stdin().lines() {
        let line = line.unwrap();
        let asked = Instant::now();
        let answer = runtime.block_on(respond(&keychain, &line.split(' ').collect::<Vec<_>>()));
        say(&format!("{MARK} {} {answer}", asked.elapsed().as_millis()));
    }
}

async fn respond(keychain: &OsKeychain, words: &[&str]) -> String {
    let name = |text: &str| ProfileName::parse(text).unwrap();
    let done = |result: Result<(), KeychainError>| match result {
        Ok(()) => "ok".to_owned(),
        Err(error) => format!("{error:?}"),
    };
    match words {
        ["check"] => done(keychain.check().await),
        ["check-item", profile] => done(keychain.check_item(&name(profile)).await),
        ["read", profile] => match keychain.read(&name(profile)).await {
            Ok(key) => format!("{} {}", key.id.as_str(), key.secret.expose_secret()),
            Err(error) => format!("{error:?}"),
        },
        ["write", profile, id, secret] => {
            let key =
                LongTermKey { id: AccessKeyId::parse(id).unwrap(), secret: (*secret).to_owned().into() };
            done(keychain.write(&name(profile), &key).await)
        }
        ["delete", profile] => done(keychain.delete(&name(profile)).await),
        ["resources"] => ["task", "fd"]
            .map(|kind| std::fs::read_dir(format!("/proc/self/{kind}")).unwrap().count().to_string())
            .join(" "),
        other => panic!("no such request: {other:?}"),
    }
}
