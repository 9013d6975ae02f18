//! The one-time code: owner, window, reuse, shape.

use stsd_test_support::{Identity, StrictSts, World};

use crate::client::{Reply, Signer};

const WRONG_CODE: &str = "MultiFactorAuthentication failed with invalid MFA one time pass code.";
const WRONG_SERIAL: &str = "MultiFactorAuthentication failed, unable to validate MFA code.  \
    Please verify your MFA serial number is valid and associated with this user.";

fn session(sts: &StrictSts, user: &Identity, serial: &str, code: &str) -> Reply {
    Signer::of(user).call(sts, "GetSessionToken", &[("SerialNumber", serial), ("TokenCode", code)])
}

#[track_caller]
fn refused(reply: &Reply, status: u16, code: &str, message: &str) {
    assert_eq!(reply.refusal(), (status, code.to_owned(), message.to_owned()));
}

#[test]
fn a_code_is_taken_once() {
    let sts = StrictSts::with_alice();
    let alice = sts.alice();
    let code = sts.fresh_code(&alice.serial);
    assert_eq!(session(&sts, &alice, &alice.serial, &code).status, 200);
    refused(&session(&sts, &alice, &alice.serial, &code), 403, "AccessDenied", WRONG_CODE);
    sts.reset_used_codes();
    assert_eq!(session(&sts, &alice, &alice.serial, &code).status, 200);
}

#[test]
fn an_older_code_than_the_last_is_refused() {
    let sts = StrictSts::with_alice();
    let alice = sts.alice();
    sts.set_code_tolerance(4);
    assert_eq!(session(&sts, &alice, &alice.serial, &sts.code_at_offset(&alice.serial, 1)).status, 200);
    for steps in [-1, 0] {
        let code = sts.code_at_offset(&alice.serial, steps);
        refused(&session(&sts, &alice, &alice.serial, &code), 403, "AccessDenied", WRONG_CODE);
    }
    assert_eq!(session(&sts, &alice, &alice.serial, &sts.code_at_offset(&alice.serial, 3)).status, 200);
}

#[test]
fn codes_outside_the_window_are_refused() {
    let sts = StrictSts::with_alice();
    let alice = sts.alice();
    for code in [
        sts.code_at_offset(&alice.serial, -4),
        sts.code_at_offset(&alice.serial, 4),
        sts.wrong_code(&alice.serial),
        sts.fresh_code(&sts.bob().serial),
    ] {
        refused(&session(&sts, &alice, &alice.serial, &code), 403, "AccessDenied", WRONG_CODE);
    }
    assert!(sts.requests().iter().all(|request| !request.code_consumed));
}

#[test]
fn unused_codes_are_all_different_and_all_taken() {
    let sts = StrictSts::with_alice();
    let alice = sts.alice();
    sts.set_code_tolerance(20);
    for _ in 0..20 {
        let code = sts.unused_code(&alice.serial);
        assert_eq!(session(&sts, &alice, &alice.serial, &code).status, 200);
    }
    let mut codes: Vec<_> = sts.requests().into_iter().map(|request| request.code).collect();
    codes.sort();
    codes.dedup();
    // Two of 20 steps may by chance have the same code, so that the later one matches first.
    assert!(codes.len() >= 19, "{codes:?}");
}

#[test]
fn a_serial_that_is_unknown_or_somebody_elses_cannot_be_validated() {
    let sts = StrictSts::with_alice();
    let (alice, bob, carol) = (sts.alice(), sts.bob(), sts.carol());
    for serial in [
        "arn:aws:iam::123456789012:mfa/nobody",
        "arn:aws:iam::123456789012:user/alice",
        &bob.serial,
        &carol.serial,
    ] {
        let code = sts.fresh_code(&alice.serial);
        refused(&session(&sts, &alice, serial, &code), 403, "AccessDenied", WRONG_SERIAL);
    }
    let bobs = sts.fresh_code(&bob.serial);
    refused(&session(&sts, &alice, &bob.serial, &bobs), 403, "AccessDenied", WRONG_SERIAL);
    assert_eq!(session(&sts, &bob, &bob.serial, &bobs).status, 200);

    sts.world(|world| world.device_mut(&alice.serial).unwrap().enabled = false);
    let code = sts.fresh_code(&alice.serial);
    refused(&session(&sts, &alice, &alice.serial, &code), 403, "AccessDenied", WRONG_SERIAL);
}

#[test]
fn a_hardware_device_works_as_well() {
    let mut world = World::default();
    let mut user = world.user("123456789012", "dave");
    user.key();
    let device = user.hardware_device();
    assert!(device.serial.starts_with("GAHT"));
    let sts = StrictSts::with_world(world);
    let code = sts.fresh_code(&device.serial);
    assert_eq!(session(&sts, &sts.identity("dave"), &device.serial, &code).status, 200);
}

#[test]
fn the_shape_of_a_code_is_checked() {
    let sts = StrictSts::with_alice();
    let alice = sts.alice();
    let value = |code: &str, must: &str| {
        format!("Value '{code}' at 'tokenCode' failed to satisfy constraint: Member must {must}")
    };
    let long = "have length less than or equal to 6";
    let short = "have length greater than or equal to 6";
    let digits = "satisfy regular expression pattern: [\\d]*";
    for (code, musts) in [
        ("1234567", vec![long]),
        ("123", vec![short]),
        ("12345a", vec![digits]),
        ("123 456", vec![long, digits]),
        ("abc", vec![short, digits]),
    ] {
        let all: Vec<String> = musts.iter().map(|must| value(code, must)).collect();
        let noun = if all.len() == 1 { "error" } else { "errors" };
        let message = format!("{} validation {noun} detected: {}", all.len(), all.join("; "));
        refused(&session(&sts, &alice, &alice.serial, code), 400, "ValidationError", &message);
    }
}

#[test]
fn serial_and_code_go_together() {
    let sts = StrictSts::with_alice();
    let alice = sts.alice();
    let code = sts.fresh_code(&alice.serial);
    for parameters in [[("SerialNumber", alice.serial.as_str())], [("TokenCode", code.as_str())]] {
        let reply = Signer::of(&alice).call(&sts, "GetSessionToken", &parameters);
        assert_eq!((reply.status, reply.tag("Code").as_str()), (400, "ValidationError"), "{}", reply.body);
    }
}
