//! Somebody who never opens a terminal.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::stage::{PINENTRY, Stage};
use crate::display::Shows;
use crate::{has_desktop, program};

/// Two sessions a day.
const RENEWALS: usize = 14;

/// Asks AWS who it is whenever it is given a line, each time with what it finds then.
const WORKS: &str = "
import sys, boto3
for line in sys.stdin:
    try:
        print(boto3.Session(profile_name='work').client('sts').get_caller_identity()['Arn'], flush=True)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
";

/// A program that works with AWS all week.
struct Tool {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Tool {
    fn start(stage: &Stage, python: &str) -> Self {
        let mut command = stage.machine.command(python);
        command.args(["-c", WORKS]).env("AWS_DEFAULT_REGION", "eu-west-1");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, stdin, stdout }
    }

    /// Who AWS says it is, now.
    fn works(&mut self) -> String {
        self.stdin.write_all(b"\n").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_week_of_bubbles_and_codes_keeps_every_session_alive() {
    if !has_desktop() {
        return;
    }
    let Some(python) = program("STSD_TEST_PYTHON") else { return };
    let stage = Stage::new(Shows::Mate, &format!("warn_before = [\"17s\"]\n{PINENTRY}"));
    let mut tool = Tool::start(&stage, &python);
    assert!(tool.works().contains("NotFound"), "somebody else's session");
    let alice = stage.machine.sts.alice().arn;
    stage.sessions_of(19);
    for renewal in 1..=RENEWALS {
        let before = stage.session();
        // Each notice in its turn: nothing has expired.
        let told = stage.heard.notice();
        assert!(told.summary.starts_with("work expires in "), "renewal {renewal}: {told:?}");
        stage.clicks_only_button(&stage.sees_pressing_bubble());
        let dialog = stage.person().sees(None);
        assert_eq!(tool.works(), alice, "renewal {renewal}");
        stage.person().types(&dialog, &stage.machine.code());
        let told = stage.heard.notice();
        assert!(told.summary.starts_with("work renewed until "), "renewal {renewal}: {told:?}");
        assert_ne!(stage.session(), before, "renewal {renewal}");
        assert_eq!(tool.works(), alice, "renewal {renewal}");
        stage.tidies_up();
    }
    let counts = ["notice clicked", "dialog shown"].map(|words| stage.daemon.said(words));
    assert_eq!(counts, [RENEWALS; 2], "{}", stage.daemon.log());
    assert_eq!(stage.machine.sts.codes_sent(), 1 + RENEWALS);
}
