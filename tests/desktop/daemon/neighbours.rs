//! The real daemon and other programs that write the credentials file.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::running::Daemon;
use crate::binary::machine::Machine;
use crate::{has_desktop, not_run};

const THEIRS: &str = "[theirs]\nregion = eu-west-1\n";

/// Waits until the daemon no longer watches over its last write, for which it keeps the lock.
fn rest(machine: &Machine) {
    let lock = fs::File::open(machine.path(".aws/credentials.lock")).unwrap();
    lock.lock().unwrap();
}

/// Waits until `status` says so of `work`.
fn reported(machine: &Machine, daemon: &Daemon, part: &str) -> (i32, Value) {
    let message = |status: &Value| status["last_error"]["message"].as_str().unwrap_or_default().to_owned();
    daemon
        .await_that(&format!("not reported: {part}"), |_| message(&machine.status("work").1).contains(part));
    machine.status("work")
}

#[test]
fn a_session_that_another_program_drops_comes_back_once() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    machine.write(".aws/credentials", THEIRS);
    let daemon = Daemon::start(&machine);
    machine.run(&["refresh", "--code", &machine.code()]).succeeded();
    rest(&machine);
    let written = machine.credentials();
    // In place, as the AWS CLI does it; nobody tells the daemon but the kernel.
    machine.write(".aws/credentials", THEIRS);
    let (code, status) = reported(&machine, &daemon, "changed by another program at ");
    assert_eq!((code, &status["state"]), (0, &Value::from("active")), "{status}");
    assert_eq!(machine.credentials(), written);

    rest(&machine);
    machine.write(".aws/credentials", THEIRS);
    let (code, status) = reported(&machine, &daemon, "to have it again: stsd refresh work");
    assert_eq!((code, &status["state"]), (4, &Value::from("absent")), "{status}");
    assert_eq!(machine.credentials(), THEIRS);
    let shown = machine.run(&["status"]).stdout;
    assert!(shown.contains("work: [work] changed by another program at "), "{shown}");
}

#[test]
fn where_the_kernel_tells_nothing_the_file_is_looked_at_before_each_notice() {
    if !has_desktop() {
        return;
    }
    // A name space of its own, in which nobody gets an inotify instance. The user stays the same: the bus asks for that.
    let script = "echo 0 > /proc/sys/user/max_inotify_instances && \
        exec setpriv --inh-caps=-all --ambient-caps=-all -- \"$@\"";
    let in_there = |command: &Command| {
        let mut outer = Command::new("unshare");
        outer.args(["--user", "--map-current-user", "--keep-caps", "sh", "-c", script, "sh"]);
        outer.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            outer.env(name, value.unwrap_or_default());
        }
        outer
    };
    if !in_there(&Command::new("true")).status().is_ok_and(|status| status.success()) {
        return not_run("a kernel without watches: no name space can be made here");
    }
    let machine = Machine::with_work();
    // Whatever comes too late for the first lead is in time for the second.
    machine.configure(&format!("warn_before = [\"52s\", \"30s\"]\n{}", machine.configuration()));
    let daemon = Daemon::of(&machine, &in_there(&machine.stsd(&["daemon", "-vv"])), Stdio::null());
    machine.sts.set_session_seconds(Some(60));
    machine.run(&["refresh", "--code", &machine.code()]).succeeded();
    rest(&machine);
    // By the second answer the daemon has taken note of the first command's end.
    assert_eq!((machine.status("work").0, machine.status("work").0), (0, 0));
    let written = machine.credentials();
    machine.write(".aws/credentials", THEIRS);
    let changed = Utc::now();
    // Nothing happens until a lead comes; then it is seen, and put right.
    let deadline = Instant::now() + Duration::from_secs(50);
    let status = loop {
        let (_, status) = machine.status("work");
        if !status["last_error"].is_null() {
            break status;
        }
        assert!(Instant::now() < deadline, "not seen at a lead: {}", daemon.log());
        std::thread::sleep(Duration::from_millis(20));
    };
    let message = status["last_error"]["message"].as_str().unwrap();
    assert!(message.ends_with("the session was written again"), "{status}");
    let end = moment(&status["expires_at"]);
    let leads = [52, 30].map(|seconds| end - TimeDelta::seconds(seconds));
    let next = leads.into_iter().find(|lead| *lead > changed).expect("the machine is too slow");
    // What is told is cut to whole seconds.
    let seen = moment(&status["last_error"]["at"]);
    assert!(
        seen >= next - TimeDelta::seconds(1),
        "changed at {changed}, put right before the lead: {status}"
    );
    assert!(daemon.log().contains("session written again"), "{}", daemon.log());
    assert_eq!(machine.credentials().trim(), [THEIRS, "\n", &written].concat().trim());
    assert_eq!(daemon.said("changes of files will not be noticed"), 1, "{}", daemon.log());
}

fn moment(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}
