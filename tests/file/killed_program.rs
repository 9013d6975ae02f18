//! The program itself, killed: at random moments, and at every call that can change something.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::machine::Machine;
use crate::random::Random;
use crate::reader::{Reader, read};
use crate::strace;
use crate::{directory_names, has_desktop, say};

const HEAD: &str =
    "; mine\r\n[default]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x \n\n";
const TAIL: &str = "\n# between\n\n[other]\nregion = x\n# no line feed";
const LANES: u64 = 3;
/// Calls that change something in a directory or a file, by any of their names. (Of `write` and `open` the program makes
/// too many elsewhere to be met by their number: see `kills`, where a process makes none but those of the store.)
const CHANGING: [&str; 11] = [
    "flock",
    "fallocate",
    "ftruncate",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
];

/// A machine whose profile needs no code, with our section between what is not ours.
fn machine() -> Machine {
    let machine = Machine::with_work();
    machine.configure("[profiles.work]\nmfa = \"none\"\n");
    machine.write(".aws/credentials", &format!("{HEAD}[work]\n{TAIL}"));
    fs::set_permissions(machine.path(".aws/credentials"), fs::Permissions::from_mode(0o600)).unwrap();
    machine.run(&["refresh"]).succeeded();
    machine
}

/// A whole session between bytes that are as they were, and nothing else.
fn judge(found: Option<&[u8]>) -> Result<(), String> {
    let bytes = found.ok_or("the file is missing")?;
    let text = str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let ours = text.strip_prefix(HEAD).and_then(|text| text.strip_suffix(TAIL));
    let mut lines =
        ours.and_then(|ours| ours.strip_prefix("[work]\n")).unwrap_or_default().split_terminator('\n');
    let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(" = ");
    let whole = value("aws_access_key_id").is_some_and(|id| id.len() == 20 && id.starts_with("ASIA"))
        && value("aws_secret_access_key").is_some_and(|secret| secret.len() == 40)
        && value("aws_session_token").is_some_and(|token| token.len() == 400)
        && value("x_security_token_expires").is_some_and(|at| at.len() == 20 && at.ends_with('Z'));
    if whole && lines.next().is_none() { Ok(()) } else { Err(format!("{} bytes: {text}", bytes.len())) }
}

/// The next ordinary run does its work and clears up.
#[track_caller]
fn recovers(machine: &Machine) {
    let before = machine.credentials();
    machine.run(&["refresh"]).succeeded();
    assert_ne!(machine.credentials(), before);
    assert_eq!(directory_names(&machine.path(".aws")), ["credentials", "credentials.lock"]);
}

/// A moment before the bound.
fn before(bound: Duration, random: &mut Random) -> Duration {
    Duration::from_nanos(random.below(u64::try_from(bound.as_nanos()).unwrap()))
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |value| value.parse().unwrap())
}

/// Every second kill comes at any moment of a run, the others within the milliseconds in which the answer of STS
/// becomes a file.
#[test]
fn killed_at_random_moments() {
    if !has_desktop() {
        return;
    }
    let (kills, seed) = (number("STSD_TEST_KILLS", 300), number("STSD_TEST_SEED", 4711));
    scope(|scope| {
        for lane in 0..LANES {
            scope.spawn(move || {
                let machine = machine();
                let started = Instant::now();
                machine.run(&["refresh"]).succeeded();
                let whole_run = started.elapsed().mul_f32(1.2);
                let mut random = Random::new(seed.wrapping_mul(LANES).wrapping_add(lane));
                let reader = Reader::start(machine.path(".aws/credentials"), judge);
                let (mut killed, mut leftovers, mut round) = (0, 0, 0);
                while killed < kills.div_ceil(LANES) {
                    round += 1;
                    assert!(round < 50 + 2 * kills, "most runs had ended before they were killed: {killed}");
                    machine.sts.clear_requests();
                    let mut command = machine.stsd(&["refresh"]);
                    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                    let mut child = command.spawn().unwrap();
                    if round % 2 == 0 {
                        sleep(before(whole_run, &mut random));
                    } else {
                        let asked = |requests: &[_]| !requests.is_empty();
                        assert!(machine.sts.wait_for_requests(Duration::from_secs(20), asked));
                        sleep(before(Duration::from_millis(25), &mut random));
                    }
                    child.kill().unwrap();
                    killed += u64::from(child.wait().unwrap().code().is_none());
                    let found = read(&machine.path(".aws/credentials")).unwrap();
                    judge(found.as_deref())
                        .unwrap_or_else(|error| panic!("round {round}, seed {seed}: {error}"));
                    let names = directory_names(&machine.path(".aws"));
                    leftovers += names.iter().filter(|name| name.contains(".stsd-")).count();
                    if round % 10 == 0 {
                        recovers(&machine);
                    }
                }
                recovers(&machine);
                let reads = reader.finish().unwrap();
                say(&format!(
                    "lane {lane}: {killed} of {round} killed, {leftovers} leftovers seen, {reads} reads, seed {seed}"
                ));
            });
        }
    });
}

#[test]
fn killed_at_each_call_that_changes_something() {
    if !has_desktop() || !strace::is_there() {
        return;
    }
    let machine = machine();
    let reader = Reader::start(machine.path(".aws/credentials"), judge);
    let (mut kills, mut deaths) = (0, BTreeSet::new());
    for name in CHANGING {
        for number in 1.. {
            let log = machine.path("log");
            let mut command = machine.command("strace");
            command
                .args(strace::arguments(&log, Some((name, number))))
                .arg(env!("CARGO_BIN_EXE_stsd"))
                .arg("refresh");
            let status =
                command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
            let calls = strace::calls(&fs::read_to_string(&log).unwrap());
            let found = read(&machine.path(".aws/credentials")).unwrap();
            let last = calls.iter().find(|call| call.last && call.name == name);
            judge(found.as_deref()).unwrap_or_else(|error| panic!("{error}; killed at {last:#?}"));
            recovers(&machine);
            if status.success() {
                break;
            }
            assert!(number < 100, "{name}: {status}");
            kills += 1;
            deaths.extend(last.map(|call| format!("{name} {}", kind(&call.rest))));
        }
    }
    say(&format!("{kills} kills, {} reads; {deaths:#?}", reader.finish().unwrap()));
    // Of the unlinks only the first of each thread can be met: strace counts by thread, and which of the program's threads
    // does what is chance. The writer that has one thread is killed at every one.
    for death in [
        "fallocate text",
        "ftruncate text",
        "fsync text",
        "renameat2 text exchange",
        "renameat2 exchange file",
        "fsync directory",
        "rename state",
    ] {
        assert!(deaths.contains(death), "never killed at: {death}; {deaths:#?}");
    }
}

/// What the call is about, in the order of its arguments.
fn kind(rest: &str) -> String {
    let words = rest.split(['"', '<', '>']).filter_map(|word| match word.rsplit_once("/.aws")?.1 {
        "" => Some("directory"),
        "/credentials" => Some("file"),
        "/credentials.lock" => Some("lock"),
        name if name.starts_with("/.credentials.stsd-swap-") => Some("exchange"),
        name if name.starts_with("/.credentials.stsd-") => Some("text"),
        _ => None,
    });
    let words: Vec<_> = words.collect();
    if words.is_empty() && rest.contains("/state.json") { "state".to_owned() } else { words.join(" ") }
}
