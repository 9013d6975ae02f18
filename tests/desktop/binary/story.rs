//! The whole story, from the first key to its removal, as a user types it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use chrono::{DateTime, TimeDelta, Utc};

use super::machine::Machine;
use crate::has_desktop;

#[test]
fn a_key_is_stored_used_forgotten_and_removed() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::new();
    let alice = machine.sts.alice();
    let (_, last_four) = alice.access_key_id.split_at(16);

    let added = machine.add("work", &alice).succeeded();
    assert!(added.stderr.contains(&format!("work: key …{last_four} of {}", alice.arn)), "{added:#?}");
    assert!(added.stderr.contains("next: stsd refresh work"), "{added:#?}");
    assert_eq!(added.stdout, "");
    assert_eq!(machine.sts.requests_of("GetCallerIdentity").len(), 1);
    assert_eq!(machine.configuration(), format!("[profiles.work]\nmfa_serial = \"{}\"\n", alice.serial));
    let found = machine.search_keyring();
    assert!(found.contains(&format!("label = stsd: AWS key …{last_four} (work)\n")), "{found}");
    assert!(found.contains(&alice.secret_access_key), "the secret cannot be rescued with secret-tool");
    let (code, status) = machine.status("work");
    assert_eq!((code, status["state"].as_str()), (4, Some("absent")));
    assert!(!machine.path(".aws").exists(), "AWS's directory was made before there was anything to write");

    let code_sent = machine.code();
    let refreshed = machine.run(&["refresh", "--code", &code_sent]).succeeded();
    assert!(refreshed.stderr.starts_with("work: session until "), "{refreshed:#?}");
    assert!(refreshed.stderr.contains(" (12h) in [work] of "), "{refreshed:#?}");
    assert_eq!(refreshed.stdout, "");
    let requests = machine.sts.requests_of("GetSessionToken");
    assert_eq!(requests.len(), 1);
    assert_eq!(
        (requests[0].serial.as_deref(), requests[0].code.as_deref()),
        (Some(&*alice.serial), Some(&*code_sent))
    );
    assert_eq!(
        (requests[0].duration.as_deref(), requests[0].region.as_deref()),
        (Some("43200"), Some("us-east-1"))
    );
    let mode = |name: &str| fs::metadata(machine.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(".aws"), mode(".aws/credentials")), (0o700, 0o600));
    let first_id = machine.credential("aws_access_key_id");
    let (code, status) = machine.status("work");
    assert_eq!((code, status["state"].as_str()), (0, Some("active")));
    assert_eq!(status["access_key_id"], format!("…{}", first_id.split_at(16).1));
    let expires_at: DateTime<Utc> = status["expires_at"].as_str().unwrap().parse().unwrap();
    let left = expires_at - Utc::now();
    assert!(left <= TimeDelta::hours(12) && left > TimeDelta::minutes(715), "{left}");
    assert_eq!(machine.credential("x_security_token_expires"), status["expires_at"].as_str().unwrap());

    machine
        .run_with(
            &["refresh", "work", "--code", "-", "--duration", "1h30m"],
            &format!("{}\n", machine.code()),
        )
        .succeeded();
    assert_ne!(machine.credential("aws_access_key_id"), first_id, "the old session is still there");
    assert_eq!(machine.credentials().matches("[work]").count(), 1);
    assert_eq!(machine.sts.requests_of("GetSessionToken")[1].duration.as_deref(), Some("5400"));

    let forgotten = machine.run(&["forget"]).succeeded();
    assert!(forgotten.stderr.contains("session removed from [work]"), "{forgotten:#?}");
    assert_eq!((machine.credentials().as_str(), machine.status("work").0), ("", 4));
    assert!(machine.search_keyring().contains(&alice.secret_access_key), "forget took the key");

    machine.run(&["refresh", "--code", &machine.code()]).succeeded();
    let before = machine.credentials();
    machine.run(&["remove", "work"]).failed_with(2, &["no terminal", "stsd remove work --yes"]);
    assert_eq!(machine.credentials(), before);
    assert!(machine.search_keyring().contains(&alice.secret_access_key), "nobody said yes");

    let removed = machine.run(&["remove", "work", "--yes"]).succeeded();
    assert!(removed.stderr.contains("key deleted from the keychain"), "{removed:#?}");
    assert_eq!((machine.search_keyring().as_str(), machine.credentials().as_str()), ("", ""));
    assert!(machine.configuration().contains("[profiles.work]"), "the settings stay");
    machine
        .run(&["refresh", "--code", &machine.code()])
        .failed_with(7, &["no key of profile", "stsd add work"]);
    machine.run(&["remove", "work", "--yes"]).failed_with(7, &["no key of profile"]);
}

#[test]
fn another_key_for_a_profile_takes_the_place_of_the_first() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let commented = format!("# mine\n{}region = \"eu-west-1\" # ours\n", machine.configuration());
    machine.configure(&commented);
    let bob = machine.sts.bob();
    machine
        .run_with(&["add", "work", "--access-key-id", &bob.access_key_id], &bob.secret_access_key)
        .succeeded();
    assert_eq!(machine.configuration(), commented, "no flag asked for a change");
    let found = machine.search_keyring();
    assert!(found.contains(&bob.secret_access_key), "{found}");
    assert!(!found.contains(&machine.sts.alice().secret_access_key), "{found}");
    assert!(found.contains(&format!("…{} (work)", bob.access_key_id.split_at(16).1)), "{found}");
    assert_eq!(machine.sts.requests()[0].region.as_deref(), Some("eu-west-1"));
}

#[test]
fn a_key_that_aws_is_not_asked_about_is_stored_all_the_same() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::new();
    let arguments = ["add", "work", "--access-key-id", "minio_user_0123456", "--no-verify"];
    let added = machine.run_with(&arguments, "minio-secret").succeeded();
    assert!(added.stderr.contains("warning: ") && added.stderr.contains("AKIA"), "{added:#?}");
    assert!(added.stderr.contains("unverified"), "{added:#?}");
    assert!(added.stderr.contains("has no MFA serial yet"), "{added:#?}");
    assert!(machine.search_keyring().contains("minio-secret"));
    assert_eq!(machine.sts.requests(), []);
}

#[test]
fn a_profile_without_a_device_needs_no_code() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    machine.configure("[profiles.work]\nmfa = \"none\"\nduration = \"15m\"\nsections = [\"a\", \"b\"]\n");
    machine.run(&["refresh"]).succeeded();
    assert_eq!(machine.sts.codes_sent(), 0);
    let file = machine.credentials();
    assert!(file.contains("[a]\n") && file.contains("[b]\n") && !file.contains("[work]"), "{file}");
    assert_eq!(
        machine.status("work").1["state"],
        "active",
        "15m are shorter than the first lead, which is skipped"
    );
}
