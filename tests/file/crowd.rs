//! Many programs that write at once.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Mutex, PoisonError};
use std::thread::scope;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
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

/// How many sessions must have no excuse to be lost, and how many of these the CLI must still have edited after, for a run
/// to prove something.
const JUDGED: [usize; 2] = [CROWD / 2, 3];

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

/// Seconds of the system's clock that is never set, which Python's `time.monotonic` goes by too.
fn monotonic() -> f64 {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::try_from(now).unwrap().as_secs_f64()
}

/// How often one of a crowd may be told that the lock is taken, before which nothing was done: a machine that is busy with
/// other things too may need longer for forty turns than anybody waits.
const AGAIN: usize = 2;

/// Refreshes all profiles at once; each must end well. Gives when each had ended.
fn refresh_all(machine: &Machine) -> Vec<f64> {
    let started = monotonic();
    let ended: Vec<f64> = scope(|scope| {
        let refresh = |number| {
            let mut command = machine.stsd(&["refresh", &profile(number)]);
            scope.spawn(move || {
                let mut ran = Ran::of(&mut command, b"");
                for _ in 0..AGAIN {
                    if ran.code != 8 || !ran.stderr.contains(": locked by another program") {
                        break;
                    }
                    say(&format!("as its hint says, once more: {}", ran.stderr.trim()));
                    ran = Ran::of(&mut command, b"");
                }
                ran.succeeded();
                monotonic()
            })
        };
        let runs: Vec<_> = (0..CROWD).map(refresh).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let first = ended.iter().copied().fold(f64::INFINITY, f64::min) - started;
    let last = ended.iter().copied().fold(0.0, f64::max) - started;
    say(&format!(
        "{CROWD} refreshes at once: the first ended after {first:.1} s, the last after {last:.1} s"
    ));
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
    refresh_all(&machine);
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

/// How long a refresh may take from its last look at the file to its end, as the test sees it, in seconds: it says what it
/// did, ends, and is found to have ended, among forty others.
const END: f64 = 0.5;

/// One edit by the AWS CLI, in seconds of [`monotonic`].
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

    /// True if it wrote what it had read too long ago: the watch after a write takes a tenth of a second.
    fn is_stale(&self) -> bool {
        self.truncated - self.read > 0.09
    }

    /// True if it explains that the session of a refresh which ended then is gone: it had read the file before, and wrote
    /// it when nobody watched any more.
    fn excuses(&self, ended: f64) -> bool {
        self.is_stale() && self.read < ended && ended - END < self.written
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

#[test]
fn an_edit_excuses_the_loss_of_what_ended_during_it_and_of_nothing_else() {
    let edit = |read, truncated| Edit { read, truncated, written: truncated + 0.02, whole: true };
    let (slow, quick) = (edit(5.0, 5.2), edit(5.0, 5.05));
    for (ended, expected) in [(4.9, false), (5.1, true), (5.2, true), (5.21 + END, true), (5.23 + END, false)]
    {
        assert_eq!((slow.excuses(ended), quick.excuses(ended)), (expected, false), "{ended}");
    }
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
    let started = monotonic();
    let (ended, edits) = scope(|scope| {
        let (machine, python) = (&machine, &python);
        let lanes: Vec<_> =
            (0..CLIS.len()).map(|lane| scope.spawn(move || edits(machine, python, lane))).collect();
        let ended = refresh_all(machine);
        let edits: Vec<_> = lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect();
        (ended, edits)
    });

    let text = machine.credentials();
    let stale = edits.iter().filter(|edit| edit.is_stale()).count();
    let slowest = edits.iter().map(|edit| edit.written - edit.read).fold(0.0, f64::max);
    let last_edit = edits.iter().map(|edit| edit.written).fold(0.0, f64::max) - started;
    let (there, lost): (Vec<usize>, Vec<usize>) = (0..CROWD).partition(|number| {
        let (_, section) = text.split_once(&format!("[{}]\n", profile(*number))).unwrap_or_default();
        section.split("\n[").next().unwrap().contains("aws_access_key_id = ")
    });
    let excused = |number: &usize| edits.iter().any(|edit| edit.excuses(ended[*number]));
    let judged: Vec<usize> = (0..CROWD).filter(|number| !excused(number)).collect();
    // Those that ended after the last edit had nothing to fear.
    let tried = judged.iter().filter(|number| ended[**number] - started < last_edit).count();
    say(&format!(
        "{} edits of the CLI, the last after {last_edit:.1} s, the slowest in {slowest:.3} s; {stale} wrote what was read \
         too long ago; {} sessions had no such edit at their end, {tried} of them before the last edit; lost: {lost:?}",
        edits.len(),
        judged.len(),
    ));
    assert_eq!(edits.len(), CLIS.iter().sum::<usize>());
    assert!(edits.iter().all(|edit| edit.whole), "the CLI read a file with something missing");
    assert!(!lost.iter().any(|number| judged.contains(number)), "no edit of the CLI explains it: {lost:?}");
    assert!(
        judged.len() >= JUDGED[0] && tried >= JUDGED[1],
        "the CLI was too slow all the time: this run proves nothing"
    );
    let kept = without_cli(&text);
    assert!(kept.starts_with(&without_cli(&before_with_cli())), "foreign bytes were lost: {kept}");
    for (lane, turns) in CLIS.iter().enumerate() {
        let set = format!("[cli-{lane}]\n{CLI_KEY} = cli{}\n# of cli-{lane}\n", "+".repeat(*turns));
        assert!(text.contains(&set), "an edit of the CLI was lost: {text}");
    }
    check_sessions(&machine, &python, &there);
    assert_eq!(directory_names(&machine.path(".aws")), ["credentials", "credentials.lock"]);
}
