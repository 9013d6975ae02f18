//! The tools that this is all for: they find the session where we wrote it, and AWS takes it from them.

use std::process::Command;

use super::machine::Machine;
use crate::ran::Ran;
use crate::{has_desktop, program};

const BOTO3: &str = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])";

/// Who AWS says that a tool is, which knows no more than a profile's name.
fn ask(machine: &Machine, tool: &Command) -> Ran {
    let mut command = machine.command(tool.get_program());
    command.args(tool.get_args()).env("AWS_PROFILE", "work").env("AWS_DEFAULT_REGION", "eu-west-1");
    Ran::of(&mut command, b"")
}

/// A tool finds the session after a refresh, the new one after the next, and none after `forget`.
#[track_caller]
fn check(tool: &Command) {
    let machine = Machine::with_work();
    let arn = format!("{}\n", machine.sts.alice().arn);
    for _ in 0..2 {
        machine.run(&["refresh", "--code", &machine.code()]).succeeded();
        machine.sts.clear_requests();
        assert_eq!(ask(&machine, tool).succeeded().stdout, arn);
        let requests = machine.sts.requests();
        let id = machine.credential("aws_access_key_id");
        assert!(
            requests.iter().all(|one| one.session_token && one.access_key_id.as_deref() == Some(&id)),
            "not with the session: {requests:#?}"
        );
        // Left there by a tool of old; Python's tools let it go before the token of the next session.
        machine.write(".aws/credentials", &format!("{}aws_security_token = stale\n", machine.credentials()));
    }
    machine.run(&["forget"]).succeeded();
    machine.sts.clear_requests();
    let ran = ask(&machine, tool);
    assert_ne!(ran.code, 0, "{ran:#?}");
    assert!(ran.stderr.contains("(work) could not be found"), "{ran:#?}");
    assert_eq!(machine.sts.requests(), [], "other credentials were found");
}

#[test]
fn boto3_finds_the_session_and_none_after_forget() {
    if !has_desktop() {
        return;
    }
    let Some(python) = program("STSD_TEST_PYTHON") else { return };
    let mut tool = Command::new(python);
    tool.args(["-c", BOTO3]);
    check(&tool);
}

#[test]
fn the_aws_cli_finds_the_session_and_none_after_forget() {
    if !has_desktop() {
        return;
    }
    let Some(aws) = program("STSD_TEST_AWS") else { return };
    let mut tool = Command::new(aws);
    tool.args(["sts", "get-caller-identity", "--query", "Arn", "--output", "text"]);
    check(&tool);
}

/// Two writers of one file: neither loses a byte of the other.
#[test]
fn what_the_aws_cli_writes_beside_the_session_stays() {
    if !has_desktop() {
        return;
    }
    let Some(aws) = program("STSD_TEST_AWS") else { return };
    let machine = Machine::with_work();
    let set = |key: &str, value: &str| {
        let mut command = machine.command(&aws);
        Ran::of(command.args(["configure", "set", key, value, "--profile", "other"]), b"").succeeded();
    };
    set("aws_access_key_id", "AKIAIOSFODNN7EXAMPLE");
    machine.run(&["refresh", "--code", &machine.code()]).succeeded();
    set("aws_secret_access_key", "other-secret");
    assert_eq!(machine.status("work").0, 0);
    machine.run(&["refresh", "--code", &machine.code()]).succeeded();
    machine.run(&["forget"]).succeeded();
    let other = "[other]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = other-secret\n";
    assert_eq!(machine.credentials(), other);
}
