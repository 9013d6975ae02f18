//! Many programs that write at once.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Mutex, PoisonError};
use std::thread::scope;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::machine::Machine;
use crate::ran::Ran;
use crate::reader::Reader;
use crate::{directory_names, has_desktop, program, say};

/// How many processes write at once.
const CROWD: usize = 40;
/// What a session consists of.
const KEYS: [&str; 4] =
    ["aws_access_key_id", "aws_secret_access_key", "aws_session_token", "x_security_token_expires"];

const WHO: &str = "
import boto3, sys
for profile in sys.argv[1:]:
    print(boto3.Session(profile_name=profile).client('sts').get_caller_identity()['Arn'])
";

/// The AWS CLI itself, of which only the opening of the file that it edits is watched: it says when it had read the file,
/// when it had truncated it, when it had written it, and what it had read. It is as slow between these as on a busy
/// machine, and two edits of it take turns, which they would not do: what is lost then is not what they lost between
/// them. Told to, it edits many times without the second that a start takes.
const CLI: &str = "
import builtins, contextlib, fcntl, io, json, os, random, sys, time
from awscli import clidriver
from awscli.customizations.configure import writer
turns = builtins.open(os.environ['STSD_TEST_TURNS'], 'w')
told = {}
def nap(longest):
    time.sleep(random.uniform(0, longest))
@contextlib.contextmanager
def watched(name, mode='r'):
    if mode == 'r':
        fcntl.flock(turns, fcntl.LOCK_EX)
        with builtins.open(name, mode) as file:
            told.update(read=time.monotonic(), text=file.read())
        yield io.StringIO(told['text'])
        nap(0.06)
    else:
        with builtins.open(name, mode) as file:
            told.update(truncated=time.monotonic())
            nap(0.02)
            yield file
        print(json.dumps({**told, 'written': time.monotonic()}), flush=True)
        fcntl.flock(turns, fcntl.LOCK_UN)
writer.open = watched
if sys.argv[1] == 'configure':
    sys.exit(clidriver.main())
path, section, key, value, times = sys.argv[1:]
for time_ in range(1, int(times) + 1):
    writer.ConfigFileWriter().update_config({'__section__': section, key: value + '+' * time_}, path)
    time.sleep(random.uniform(0.15, 0.45))
";
/// The key that the CLI sets, in sections of its own.
const CLI_KEY: &str = "aws_secret_access_key";
/// How many processes of the CLI there are, one after the other, and how many edits without a start.
const CLIS: [usize; 2] = [6, 25];

fn profile(number: usize) -> String {
    format!("p{number:02}")
}

/// A file full of what is not ours. Every second profile has a section in it; the others get one at the end.
fn before() -> String {
    let mut text = String::from(
        "; mine\n[default]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x \n\n",
    );
    for number in (0..CROWD).step_by(2) {
        let name = profile(number);
        text.extend([
            "# before ",
            &name,
            "\n[",
            &name,
            "]\n# in ",
            &name,
            "\n\n[foreign-",
            &name,
            "]\nregion = ",
            &name,
            "\n",
        ]);
    }
    text
}

/// A machine on which each profile has a user, a key, and no device.
fn machine() -> Machine {
    let machine = Machine::new();
    let names: Vec<String> = (0..CROWD).map(profile).collect();
    machine.sts.world(|world| {
        for name in &names {
            let mut user = world.user("123456789012", name);
            user.key();
            user.mfa_device(name);
        }
    });
    let profiles: Vec<_> = names.iter().map(|name| format!("[profiles.{name}]\nmfa = \"none\"\n")).collect();
    machine.configure(&profiles.concat());
    scope(|scope| {
        for names in names.chunks(CROWD / 4) {
            let machine = &machine;
            scope.spawn(move || {
                for name in names {
                    let who = machine.sts.identity(name);
                    let arguments = ["add", name, "--access-key-id", &who.access_key_id];
                    machine.run_with(&arguments, &format!("{}\n", who.secret_access_key)).succeeded();
                }
            });
        }
    });
    machine.write(".aws/credentials", &before());
    fs::set_permissions(machine.path(".aws/credentials"), fs::Permissions::from_mode(0o600)).unwrap();
    machine
}

/// The text without the sessions in the profiles' sections.
fn without_sessions(text: &str) -> String {
    let mut ours = false;
    let kept = text.split_inclusive('\n').filter(|line| {
        if line.starts_with('[') {
            ours = line.starts_with("[p");
        }
        !(ours && KEYS.iter().any(|key| line.starts_with(&format!("{key} = "))))
    });
    kept.collect()
}

/// One crowd at a time: forty is the figure, not eighty.
static TURN: Mutex<()> = Mutex::new(());

/// Refreshes all profiles at once; each must end well. Gives when each had ended, since `started`.
fn refresh_all(machine: &Machine, started: Instant) -> Vec<Duration> {
    let ended: Vec<Duration> = scope(|scope| {
        let refresh = |number| {
            let mut command = machine.stsd(&["refresh", &profile(number)]);
            scope.spawn(move || {
                Ran::of(&mut command, b"").succeeded();
                started.elapsed()
            })
        };
        let runs: Vec<_> = (0..CROWD).map(refresh).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let (first, last) = (ended.iter().min().unwrap(), ended.iter().max().unwrap());
    say(&format!("{CROWD} refreshes at once: the first ended after {first:.1?}, the last after {last:.1?}"));
    ended
}

/// AWS's own SDK uses each profile's section, and STS knows whose session it is.
fn check_sessions(machine: &Machine, python: &str, numbers: &[usize]) {
    let mut who = machine.command(python);
    who.args(["-c", WHO])
        .args(numbers.iter().map(|number| profile(*number)))
        .env("AWS_DEFAULT_REGION", "us-east-1");
    let arns = Ran::of(&mut who, b"").succeeded().stdout;
    let expected =
        numbers.iter().map(|number| format!("arn:aws:iam::123456789012:user/{}", profile(*number)));
    assert_eq!(arns.lines().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[test]
fn forty_processes_with_forty_profiles_lose_nothing() {
    if !has_desktop() {
        return;
    }
    let Some(python) = program("STSD_TEST_PYTHON") else { return };
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let machine = machine();
    let reader = Reader::start(machine.path(".aws/credentials"), |found| {
        let text = String::from_utf8(found.ok_or("the file is missing")?.to_vec()).unwrap();
        let kept = without_sessions(&text);
        if kept.starts_with(&before()) { Ok(()) } else { Err(text) }
    });
    refresh_all(&machine, Instant::now());
    say(&format!("{} reads", reader.finish().unwrap()));

    let kept = without_sessions(&machine.credentials());
    let mut added: Vec<&str> =
        kept.strip_prefix(&before()).unwrap().lines().filter(|line| !line.is_empty()).collect();
    added.sort_unstable();
    let expected: Vec<String> =
        (0..CROWD).skip(1).step_by(2).map(|number| format!("[{}]", profile(number))).collect();
    assert_eq!(added, expected);
    check_sessions(&machine, &python, &(0..CROWD).collect::<Vec<_>>());
    assert_eq!(machine.sts.requests_of("GetSessionToken").len(), CROWD);
    let remembered = fs::read_to_string(machine.path(".local/state/stsd/state.json")).unwrap();
    assert!(
        (0..CROWD).all(|number| remembered.contains(&format!("\"{}\"", profile(number)))),
        "{remembered}"
    );
    assert_eq!(directory_names(&machine.path(".aws")), ["credentials", "credentials.lock"]);
}

/// One edit by the AWS CLI, in seconds of the system's clock.
struct Edit {
    read: f64,
    truncated: f64,
    written: f64,
    /// Whether it had read all that is not ours.
    whole: bool,
}

impl Edit {
    fn of(line: &str) -> Self {
        let told: Value = serde_json::from_str(line).unwrap();
        let at = |name: &str| told[name].as_f64().unwrap();
        let whole = without_cli(told["text"].as_str().unwrap()).starts_with(&without_cli(&before_with_cli()));
        Self { read: at("read"), truncated: at("truncated"), written: at("written"), whole }
    }
}

/// The edits of a lane, the last of which leaves a value with as many signs as there were.
fn edits(machine: &Machine, python: &str, lane: usize) -> Vec<Edit> {
    let (section, file) = (format!("cli-{lane}"), machine.path(".aws/credentials").display().to_string());
    let edit = |arguments: &[&str]| {
        let mut cli = machine.command(python);
        cli.env("STSD_TEST_TURNS", machine.path("turns")).args(["-c", CLI]).args(arguments);
        let said = Ran::of(&mut cli, b"").succeeded().stdout;
        said.lines().map(Edit::of).collect::<Vec<_>>()
    };
    if lane == 0 {
        let values = (1..=CLIS[lane]).map(|turn| format!("cli{}", "+".repeat(turn)));
        values.flat_map(|value| edit(&["configure", "set", CLI_KEY, &value, "--profile", &section])).collect()
    } else {
        edit(&[&file, &section, CLI_KEY, "cli", &CLIS[lane].to_string()])
    }
}

/// Sections for the CLI before all others: it replaces a value by a longer one, so all that follows moves.
fn before_with_cli() -> String {
    let sections = (0..CLIS.len()).map(|lane| format!("[cli-{lane}]\n{CLI_KEY} = cli\n# of cli-{lane}\n"));
    sections.collect::<String>() + &before()
}

/// The text without sessions and without the values that the CLI sets.
fn without_cli(text: &str) -> String {
    let value = format!("{CLI_KEY} = cli");
    without_sessions(text).split_inclusive('\n').filter(|line| !line.starts_with(&value)).collect()
}

/// The CLI truncates the file in place and takes no lock. With what it had read too long ago it may lose the session of a
/// process that has ended; nothing else may be lost.
#[test]
fn forty_processes_and_the_aws_cli_lose_nothing_of_their_own() {
    if !has_desktop() {
        return;
    }
    let Some(python) = program("STSD_TEST_PYTHON") else { return };
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let machine = machine();
    machine.write(".aws/credentials", &before_with_cli());
    let started = Instant::now();
    let (ended, edits, last_edit) = scope(|scope| {
        let (machine, python) = (&machine, &python);
        let lane = |lane| scope.spawn(move || (edits(machine, python, lane), started.elapsed()));
        let lanes: Vec<_> = (0..CLIS.len()).map(lane).collect();
        let ended = refresh_all(machine, started);
        let lanes: Vec<_> = lanes.into_iter().map(|lane| lane.join().unwrap()).collect();
        let last_edit = lanes.iter().map(|(_, ended)| *ended).max().unwrap();
        (ended, lanes.into_iter().flat_map(|(edits, _)| edits).collect::<Vec<_>>(), last_edit)
    });

    let text = machine.credentials();
    // The watch after a write takes a tenth of a second; whoever writes what he had read before that is too late for it.
    let stale = edits.iter().filter(|edit| edit.truncated - edit.read > 0.09).count();
    let slowest = edits.iter().map(|edit| edit.written - edit.read).fold(0.0, f64::max);
    let (there, lost): (Vec<usize>, Vec<usize>) = (0..CROWD).partition(|number| {
        let (_, section) = text.split_once(&format!("[{}]\n", profile(*number))).unwrap_or_default();
        section.split("\n[").next().unwrap().contains("aws_access_key_id = ")
    });
    let late = |number: usize| ended[number] > last_edit;
    say(&format!(
        "{} edits of the CLI, the last after {last_edit:.1?}, the slowest in {slowest:.3} s; {stale} wrote what was read \
         too long ago; {} sessions are there, {} ended after the last edit; lost: {lost:?}",
        edits.len(),
        there.len(),
        (0..CROWD).filter(|number| late(*number)).count(),
    ));
    assert_eq!(edits.len(), CLIS.iter().sum::<usize>());
    assert!(edits.iter().all(|edit| edit.whole), "the CLI read a file with something missing");
    assert!(!lost.iter().any(|number| late(*number)), "lost after the last edit: {lost:?}");
    assert!(stale > 0 || lost.is_empty(), "no edit of the CLI explains it: {lost:?}");
    let kept = without_cli(&text);
    assert!(kept.starts_with(&without_cli(&before_with_cli())), "foreign bytes were lost: {kept}");
    for (lane, turns) in CLIS.iter().enumerate() {
        let set = format!("[cli-{lane}]\n{CLI_KEY} = cli{}\n# of cli-{lane}\n", "+".repeat(*turns));
        assert!(text.contains(&set), "an edit of the CLI was lost: {text}");
    }
    check_sessions(&machine, &python, &there);
    assert_eq!(directory_names(&machine.path(".aws")), ["credentials", "credentials.lock"]);
}
