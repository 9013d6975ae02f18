//! The control interface and the program that serves it.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;
use stsd_test_support::StrictSts;

use crate::client::{Reply, Signer, control};

fn json(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap()
}

#[test]
fn a_code_can_be_asked_for_and_is_taken() {
    let sts = StrictSts::with_alice();
    let alice = sts.alice();
    for query in ["code", "code?user=alice&kind=unused", "code?offset=1"] {
        let answer = json(&control(&sts, "GET", query, ""));
        let (serial, code) = (answer["serial"].as_str().unwrap(), answer["code"].as_str().unwrap());
        let reply = Signer::of(&alice).call(
            &sts,
            "GetSessionToken",
            &[("SerialNumber", serial), ("TokenCode", code)],
        );
        assert_eq!(reply.status, 200, "{query}: {}", reply.body);
        sts.reset_used_codes();
    }
    assert_eq!(sts.requests().len(), 3, "control requests are not logged");
    let wrong = json(&control(&sts, "GET", "code?kind=wrong&serial=arn:aws:iam::123456789012:mfa/alice", ""));
    assert_eq!(wrong["code"].as_str().unwrap().len(), 6);
    assert_eq!(control(&sts, "GET", "code?serial=none", "").status, 400);
}

#[test]
fn faults_and_knobs_can_be_set() {
    let sts = StrictSts::with_alice();
    let alice = Signer::of(&sts.alice());
    let identity = || alice.call(&sts, "GetCallerIdentity", &[]).refusal();
    let set = |path: &str, body: &str| {
        let reply = control(&sts, "POST", path, body);
        assert_eq!((reply.status, reply.body.trim()), (200, "{}"), "{path} {body}");
    };
    set(
        "fault",
        r#"{"fault":"error","status":403,"code":"X","message":"y","times":1,"action":"GetCallerIdentity"}"#,
    );
    assert_eq!(identity(), (403, "X".to_owned(), "y".to_owned()));
    assert_eq!(identity().0, 200);
    set("fault", r#"{"fault":"throttle"}"#);
    assert_eq!((identity().1, identity().1), ("Throttling".to_owned(), "Throttling".to_owned()));
    set("clear", "");
    set("key", &format!(r#"{{"access_key_id":"{}","state":"inactive"}}"#, alice.id));
    assert_eq!(identity().1, "InvalidClientTokenId");
    set("key", &format!(r#"{{"access_key_id":"{}","state":"active"}}"#, alice.id));
    set("set", r#"{"clock_skew":3600}"#);
    assert_eq!(identity().1, "SignatureDoesNotMatch");
    set(
        "set",
        r#"{"clock_skew":0,"session_seconds":5,"token_size":99,"expired_answers":false,"code_tolerance":3}"#,
    );
    assert_eq!(alice.call(&sts, "GetSessionToken", &[]).tag("SessionToken").len(), 99);
    set("device", r#"{"serial":"arn:aws:iam::123456789012:mfa/alice","enabled":false}"#);
    set(
        "role",
        r#"{"role_arn":"arn:aws:iam::123456789012:role/R","needs_mfa":true,"max_session_seconds":7200}"#,
    );
    set("region", r#"{"disabled":"eu-west-3"}"#);
    set("forget", r#"{"sessions":true,"used_codes":true}"#);

    let log = json(&control(&sts, "GET", "requests", ""));
    let first = &log["requests"][0];
    assert_eq!(
        (&first["action"], &first["status"], &first["error"]),
        (&"GetCallerIdentity".into(), &403.into(), &"X".into())
    );
    assert_eq!(control(&sts, "DELETE", "requests", "").status, 200);
    assert!(sts.requests().is_empty());
}

#[test]
fn what_cannot_be_understood_is_said() {
    let sts = StrictSts::with_alice();
    for (method, path, body) in [
        ("POST", "fault", "nonsense"),
        ("POST", "fault", r#"{"fault":"flood"}"#),
        ("POST", "fault", r#"{"fault":"error"}"#),
        ("POST", "set", r#"{"speed":1}"#),
        ("POST", "key", r#"{"access_key_id":"none","state":"active"}"#),
        ("GET", "nowhere", ""),
    ] {
        let reply = control(&sts, method, path, body);
        assert_eq!(reply.status, 400, "{path} {body}");
        assert!(json(&reply)["error"].is_string());
    }
}

#[test]
fn the_program_prints_one_line_and_ends_with_its_input() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_strict-sts"))
        .args(["--port", "0", "--print-json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let port = u16::try_from(told["port"].as_u64().unwrap()).unwrap();
    assert_eq!(told["url"], format!("http://127.0.0.1:{port}"));
    for name in ["alice", "bob", "carol"] {
        for field in ["access_key_id", "secret_access_key", "serial", "seed"] {
            assert!(told[name][field].is_string(), "{name} {field}");
        }
    }
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
