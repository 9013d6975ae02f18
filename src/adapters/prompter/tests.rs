//! Dialogs that are shell scripts: what ours does with programs that answer, hang, flood, die and leave children.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::DesktopPrompter;
use crate::domain::mfa::MfaSerial;
use crate::domain::profile::ProfileName;
use crate::domain::prompt::{PromptKind, Question};
use crate::ports::prompter::{Manner, PromptError, Prompter as _, Screen};

/// How long a person may take in these tests.
const PATIENCE: Duration = Duration::from_secs(1);
/// More than anything here may take.
const LONG: Duration = Duration::from_secs(20);

/// A greeting, and the lines of whoever speaks to it, of which each is noted and all but those named answered with "OK".
const GREETS: &str = r#"
cd "${0%/*}"; echo $$ >>pids; env >environment
echo "OK hello"
while read -r line; do
  printf '%s\n' "$line" >>heard
  case $line in
    GETPIN) getpin ;;
    "GETINFO flavor") flavour ;;
    *) echo OK ;;
  esac
done
"#;

/// Programs of a test, in a directory of their own.
struct Programs(TempDir);

impl Programs {
    fn new() -> Self {
        Self(TempDir::with_prefix("stsd-prompter.").unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A shell script. Another process writes it: were it this one, a process that another test starts at the same
    /// time could still have the file open for writing, and then the system would not start the script.
    fn script(&self, name: &str, text: &str) -> PathBuf {
        let plain = self.path("script");
        std::fs::write(&plain, format!("#!/bin/sh\n{text}")).unwrap();
        let made = Command::new("install").arg("-m755").arg(plain).arg(self.path(name)).status().unwrap();
        assert!(made.success());
        self.path(name)
    }

    /// A pinentry that does this for a code.
    fn pinentry(&self, getpin: &str) -> PathBuf {
        self.script(
            "pinentry",
            &format!("flavour() {{ echo 'D test'; echo OK; }}\ngetpin() {{ {getpin}\n}}\n{GREETS}"),
        )
    }

    /// What a script has written, once it has.
    fn written(&self, name: &str) -> String {
        wait(&format!("{name} is not written"), || {
            std::fs::read_to_string(self.path(name)).ok().filter(|text| text.ends_with('\n'))
        })
    }

    /// Fails unless all processes whose numbers the scripts have noted are gone, and collected.
    async fn assert_gone(&self) {
        let pids = self.written("pids");
        let end = Instant::now() + LONG;
        while let Some(pid) = pids.lines().find(|pid| Path::new("/proc").join(pid).exists()) {
            assert!(Instant::now() < end, "process {pid} of {pids:?} is still there");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn environment(&self) -> Vec<(OsString, OsString)> {
        let path = format!("{}:/usr/bin:/bin", self.0.path().display());
        let mut environment: Vec<(OsString, OsString)> = vec![("PATH".into(), path.into())];
        for (name, value) in [
            ("DISPLAY", ":none"),
            ("AWS_SECRET_ACCESS_KEY", "hidden"),
            ("GPG_TTY", "/dev/tty"),
            ("HOME", "/h"),
        ] {
            environment.push((name.into(), value.into()));
        }
        environment
    }

    fn prompter(&self) -> DesktopPrompter {
        DesktopPrompter::with(self.environment(), PATIENCE)
    }

    /// What a program of ours as pinentry comes to.
    fn ask(&self, pinentry: PathBuf) -> Result<String, PromptError> {
        let manner = Manner { kind: PromptKind::Pinentry, pinentry: Some(pinentry) };
        run(async {
            let answer = self.prompter().ask(&question(), &manner, None).await;
            self.assert_gone().await;
            answer.map(|code| code.digits().to_owned())
        })
    }
}

fn wait<T>(failure: &str, mut until: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LONG;
    loop {
        if let Some(found) = until() {
            return found;
        }
        assert!(Instant::now() < end, "{failure}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn question() -> Question {
    Question {
        profiles: vec![ProfileName::parse("work%0A").unwrap()],
        serial: MfaSerial::parse("GAHT12345678").unwrap(),
        asked_by: format!("<b>a\nGETPIN\n{}", "%".repeat(2000)),
        refused: None,
    }
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

fn failed(answer: &Result<String, PromptError>, with: &str) {
    let Err(PromptError::Failed(why)) = answer else { panic!("{answer:?}") };
    assert!(why.contains(with), "{why}");
}

#[test]
fn a_code_comes_back_and_hostile_text_stays_an_argument() {
    let programs = Programs::new();
    assert_eq!(programs.ask(programs.pinentry("echo 'D  123456 '; echo OK")).unwrap(), "123456");
    let heard = programs.written("heard");
    let commands: Vec<_> = heard.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(
        commands,
        ["GETINFO", "OPTION", "SETTIMEOUT", "SETPROMPT", "SETTITLE", "SETDESC", "GETPIN", "BYE"]
    );
    assert!(heard.contains("SETTITLE stsd: MFA code for work%250A\n"), "{heard}");
    assert!(heard.contains("SETDESC Session for work%250A%0AAsked for by <b>a GETPIN %25%25"), "{heard}");
    assert!(heard.lines().all(|line| line.len() < 1000), "{heard}");
}

#[test]
fn the_program_s_environment_has_nothing_of_aws_and_no_terminal() {
    let programs = Programs::new();
    programs.ask(programs.pinentry("echo 'D 123456'; echo OK")).unwrap();
    let environment = programs.written("environment");
    assert!(environment.contains("DISPLAY=:none\n") && environment.contains("HOME=/h\n"), "{environment}");
    for hidden in ["AWS_", "GPG_TTY", "CARGO"] {
        assert!(!environment.contains(hidden), "{environment}");
    }
}

#[test]
fn five_digits_are_asked_for_again_with_the_reason_and_not_for_ever() {
    let programs = Programs::new();
    let again = "if [ -e once ]; then echo 'D 123456'; else echo 'D 12345'; >once; fi; echo OK";
    assert_eq!(programs.ask(programs.pinentry(again)).unwrap(), "123456");
    assert_eq!(programs.written("heard").matches("SETERROR That was no code").count(), 1);
    // Nothing at all is typed.
    failed(&programs.ask(programs.pinentry("echo OK")), "5 times");
}

#[test]
fn a_refused_code_s_reason_is_in_the_dialog() {
    let programs = Programs::new();
    let manner =
        Manner { kind: PromptKind::Pinentry, pinentry: Some(programs.pinentry("echo 'D 123456'; echo OK")) };
    let question = Question { refused: Some("AWS refused\nthe code".to_owned()), ..question() };
    run(programs.prompter().ask(&question, &manner, None)).unwrap();
    assert!(programs.written("heard").contains("SETERROR AWS refused the code\n"));
}

#[test]
fn what_pinentry_answers_is_told_apart() {
    let check = |answer: &str, expected: fn(&PromptError) -> bool| {
        let programs = Programs::new();
        let error = programs.ask(programs.pinentry(&format!("echo '{answer}'"))).unwrap_err();
        assert!(expected(&error), "{answer}: {error:?}");
    };
    check("ERR 83886179 Operation cancelled <Pinentry>", |error| *error == PromptError::Cancelled);
    check("ERR 99 canceled", |error| *error == PromptError::Cancelled);
    check("ERR 83886142 Timeout <Pinentry>", |error| *error == PromptError::TimedOut(1));
    check("ERR 83918950 Inappropriate ioctl for device <Pinentry>", |error| {
        matches!(error, PromptError::Unavailable(_))
    });
    check("ERR 83886165 No pinentry <Pinentry>", |error| matches!(error, PromptError::Unavailable(_)));
    check("ERR 1 x", |error| matches!(error, PromptError::Failed(_)));
}

#[test]
fn a_pinentry_for_the_terminal_is_none() {
    for flavour in ["tty", "curses", "gtk2:curses"] {
        let programs = Programs::new();
        // Without a terminal pinentry-tty says that its user has cancelled.
        let script = format!(
            "flavour() {{ echo 'D {flavour}'; echo OK; }}\ngetpin() {{ echo 'ERR 83886179'; }}\n{GREETS}"
        );
        let answer = programs.ask(programs.script("pinentry", &script));
        assert!(matches!(answer, Err(PromptError::Unavailable(_))), "{flavour}: {answer:?}");
    }
}

#[test]
fn a_pinentry_that_hangs_is_ended_in_time() {
    let programs = Programs::new();
    let started = Instant::now();
    let hangs = "cd \"${0%/*}\"; echo $$ >>pids; sleep 1000 & echo $! >>pids; wait";
    failed(&programs.ask(programs.script("hangs", hangs)), "does not answer");
    // One that has shown its dialog and does not keep to the time that it was told.
    let answer = programs.ask(programs.pinentry("sleep 1000 & echo $! >>pids; wait"));
    assert_eq!(answer, Err(PromptError::TimedOut(1)));
    assert!(started.elapsed() < LONG);
}

#[test]
fn a_pinentry_that_floods_or_dies_or_speaks_something_else_fails() {
    for (script, with) in [
        ("yes", "protocol"),
        ("echo OK; yes 'S x'", "protocol"),
        ("echo OK; yes 'D 1111111111'", "protocol"),
        ("echo OK; tr '\\0' x </dev/zero", "protocol"),
        ("echo OK; read -r line; kill -9 $$", "ended in the middle"),
        ("exit 0", "ended in the middle"),
        ("echo 'usage: me'", "protocol"),
    ] {
        let programs = Programs::new();
        let script = format!("cd \"${{0%/*}}\"; echo $$ >>pids; {script}");
        failed(&programs.ask(programs.script("bad", &script)), with);
    }
    let programs = Programs::new();
    failed(&programs.ask(programs.pinentry("echo 'D 123456'; exit 0")), "ended in the middle");
}

#[test]
fn a_question_that_is_dropped_leaves_no_process_behind() {
    for (kind, name) in [(PromptKind::Pinentry, "pinentry"), (PromptKind::Zenity, "zenity")] {
        let programs = Programs::new();
        let stays =
            "cd \"${0%/*}\"; trap '' TERM HUP; sleep 1000 & echo $! >>pids; echo $$ >>pids; >up; wait";
        if kind == PromptKind::Pinentry {
            programs.pinentry(stays.strip_prefix("cd \"${0%/*}\"; ").unwrap());
        } else {
            programs.script(name, stays);
        }
        let manner = Manner { kind, pinentry: None };
        run(async {
            let (prompter, question) = (DesktopPrompter::with(programs.environment(), LONG), question());
            let up = async {
                while !programs.path("up").exists() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::select! {
                answer = prompter.ask(&question, &manner, None) => panic!("{answer:?}"),
                () = up => {}
            }
            programs.assert_gone().await;
        });
    }
}

#[test]
fn auto_passes_over_what_does_not_work_but_not_over_a_person() {
    let check = |pinentry: &str, expected: Result<&str, PromptError>| {
        let programs = Programs::new();
        programs.pinentry(pinentry);
        programs.script("zenity", "echo 654321");
        let manner = Manner { kind: PromptKind::Auto, pinentry: None };
        let answer = run(programs.prompter().ask(&question(), &manner, None));
        assert_eq!(
            answer.map(|code| code.digits().to_owned()),
            expected.map(ToOwned::to_owned),
            "{pinentry}"
        );
    };
    check("echo 'D 123456'; echo OK", Ok("123456"));
    check("exit 1", Ok("654321"));
    check("echo 'ERR 83918950'", Ok("654321"));
    check("echo 'ERR 99'", Err(PromptError::Cancelled));
    check("echo 'ERR 62'", Err(PromptError::TimedOut(1)));
}

#[test]
fn auto_says_of_each_dialog_why_it_did_not_work() {
    let programs = Programs::new();
    programs.pinentry("exit 1");
    for name in ["zenity", "kdialog"] {
        programs.script(name, "exit 3");
    }
    let manner = Manner { kind: PromptKind::Auto, pinentry: None };
    let error = run(programs.prompter().ask(&question(), &manner, None)).unwrap_err();
    let PromptError::Unavailable(why) = &error else { panic!("{error:?}") };
    for name in ["pinentry: it ended in the middle; ", "zenity: exit status 3; ", "kdialog: exit status 3"] {
        assert!(why.contains(name), "{why}");
    }
}

#[test]
fn zenity_that_cannot_open_its_display_has_not_been_cancelled() {
    let programs = Programs::new();
    let manner = Manner { kind: PromptKind::Zenity, pinentry: None };
    let ask = || run(programs.prompter().ask(&question(), &manner, None));
    programs.script("zenity", "exit 1");
    assert!(matches!(ask(), Err(PromptError::Unavailable(_))));
    programs.script("zenity", "exit $ZENITY_ESC");
    assert!(matches!(ask(), Err(PromptError::Cancelled)));
    programs.script("zenity", "exit $ZENITY_TIMEOUT");
    assert!(matches!(ask(), Err(PromptError::TimedOut(1))));
    programs.script("zenity", "cat /dev/zero");
    assert!(matches!(ask(), Err(PromptError::Failed(_))));
}

#[test]
fn without_a_display_no_program_is_started_and_nothing_is_waited_for() {
    let programs = Programs::new();
    for name in ["zenity", "kdialog", "pinentry"] {
        programs.script(name, ">\"${0%/*}/started\"; echo 123456");
    }
    let mut environment = programs.environment();
    environment.retain(|(name, _value)| name != "DISPLAY");
    let elsewhere = Screen::default();
    for kind in [PromptKind::Auto, PromptKind::Pinentry, PromptKind::Zenity, PromptKind::Kdialog] {
        let manner = Manner { kind, pinentry: None };
        for screen in [None, Some(&elsewhere)] {
            let started = Instant::now();
            let prompter = DesktopPrompter::with(environment.clone(), LONG);
            let error = run(prompter.ask(&question(), &manner, screen)).unwrap_err();
            assert!(error.to_string().contains("no display"), "{error}");
            assert!(started.elapsed() < Duration::from_secs(1), "{kind:?}");
        }
    }
    assert!(!programs.path("started").exists());
}

#[test]
fn debug_shows_nothing_of_the_environment() {
    let shown = format!("{:?}", Programs::new().prompter());
    assert_eq!(shown, "DesktopPrompter { patience: 1s, .. }");
}
