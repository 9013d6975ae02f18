//! An STS that was not written here, so that this project does not only agree with itself: ministack.
//!
//! With AUTH=true it verifies signatures, keys and session tokens as AWS does. Other than AWS it looks neither at a
//! code nor at the serial (any six digits of any device do), its `GetSessionToken` takes any duration, and its key ids
//! hold digits that AWS's alphabet lacks, which `add` therefore warns of.

use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::machine::Machine;
use crate::ran::Ran;
use crate::{has_desktop, program};

/// How long it may take to start.
const START: Duration = Duration::from_mins(1);

const MAKE_KEY: &str = "
import boto3
iam = boto3.client('iam')
iam.create_user(UserName='alice')
key = iam.create_access_key(UserName='alice')['AccessKey']
serial = iam.create_virtual_mfa_device(VirtualMFADeviceName='alice')['VirtualMFADevice']['SerialNumber']
print(key['AccessKeyId'], key['SecretAccessKey'], serial)
";
const SET_STATUS: &str = "
import boto3, sys
boto3.client('iam').update_access_key(UserName='alice', AccessKeyId=sys.argv[1], Status='Inactive')
";
const WHO: &str = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])";

/// A running ministack. It ends with the test, and so does all that it started.
struct Ministack {
    child: Child,
    url: String,
}

impl Ministack {
    fn start(program: &str, machine: &Machine) -> Self {
        // It cannot be given a socket; the port is free a moment before.
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut guarded = machine.command("setpriv");
        let child = guarded
            .args(["--pdeathsig", "KILL", "--", program])
            .env("AUTH", "true")
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .current_dir(machine.path(""))
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let mut ministack = Self { child, url };
        let end = Instant::now() + START;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert_eq!(ministack.child.try_wait().unwrap(), None, "ministack has ended");
            assert!(Instant::now() < end, "ministack does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        ministack
    }

    /// Runs a script as the account's root user, or with what the machine's profile gives.
    fn python(&self, machine: &Machine, python: &str, profile: Option<&str>, arguments: &[&str]) -> Ran {
        let mut command = machine.command(python);
        command.arg("-c").args(arguments).env("AWS_DEFAULT_REGION", "us-east-1");
        command.env("AWS_ENDPOINT_URL", &self.url).env_remove("AWS_ENDPOINT_URL_STS");
        match profile {
            Some(profile) => command.env("AWS_PROFILE", profile),
            None => command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test"),
        };
        Ran::of(&mut command, b"")
    }

    /// The binary, with this STS.
    fn stsd(&self, machine: &Machine, arguments: &[&str]) -> Command {
        let mut command = machine.stsd(arguments);
        command.env("AWS_ENDPOINT_URL_STS", &self.url);
        command
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        if kill_process_group(Pid::from_child(&self.child), Signal::KILL).is_err() {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}

#[test]
fn a_foreign_sts_takes_what_we_send_and_we_write_what_it_gives() {
    if !has_desktop() {
        return;
    }
    let (Some(python), Some(ministack)) = (program("STSD_TEST_PYTHON"), program("STSD_TEST_MINISTACK"))
    else {
        return;
    };
    let machine = Machine::new();
    let ministack = Ministack::start(&ministack, &machine);
    let made = ministack.python(&machine, &python, None, &[MAKE_KEY]).succeeded().stdout;
    let [id, secret, serial] = made.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{made}") };
    let arn = "arn:aws:iam::000000000000:user/alice";

    let add = ["add", "work", "--access-key-id", id, "--mfa-serial", serial];
    let refused = Ran::of(&mut ministack.stsd(&machine, &[&["-q"], &add[..]].concat()), b"not-the-secret");
    refused.failed_with(6, &["does not belong to the access key id"]);
    let added = Ran::of(&mut ministack.stsd(&machine, &add), secret.as_bytes()).succeeded();
    assert!(added.stderr.contains(arn), "{added:#?}");

    let whoami = || ministack.python(&machine, &python, Some("work"), &[WHO]);
    for line in [&["refresh", "--code", "123456"][..], &["refresh", "--code", "654321", "--duration", "1h"]] {
        Ran::of(&mut ministack.stsd(&machine, line), b"").succeeded();
        assert_eq!(whoami().succeeded().stdout, format!("{arn}\n"));
        assert!(machine.credential("aws_access_key_id").starts_with("ASIA"));
    }
    let left = machine.status("work").1["seconds_left"].as_u64().unwrap();
    assert!((3500..=3600).contains(&left), "{left}");

    machine.configure("[profiles.work]\nmfa = \"none\"\n");
    Ran::of(&mut ministack.stsd(&machine, &["refresh"]), b"").succeeded();
    assert_eq!(whoami().succeeded().stdout, format!("{arn}\n"));

    ministack.python(&machine, &python, None, &[SET_STATUS, id]).succeeded();
    Ran::of(&mut ministack.stsd(&machine, &["refresh"]), b"").failed_with(6, &["InvalidClientTokenId"]);
    assert_eq!(machine.sts.requests(), [], "the other STS was called");
}
