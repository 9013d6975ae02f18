//! `AssumeRole`.

use stsd_test_support::StrictSts;

use crate::client::{Reply, Signer};

const ADMIN: &str = "arn:aws:iam::210987654321:role/Admin";

fn assume(sts: &StrictSts, signer: &Signer, parameters: &[(&str, &str)]) -> Reply {
    let mut all = vec![("RoleArn", ADMIN), ("RoleSessionName", "stsd-test")];
    all.extend(parameters);
    signer.call(sts, "AssumeRole", &all)
}

fn mfa_session(sts: &StrictSts) -> Signer {
    let alice = sts.alice();
    let code = sts.fresh_code(&alice.serial);
    Signer::issued(&Signer::of(&alice).call(
        sts,
        "GetSessionToken",
        &[("SerialNumber", &alice.serial), ("TokenCode", &code)],
    ))
}

#[test]
fn a_role_is_assumed_through_a_session() {
    let sts = StrictSts::with_alice();
    let reply = assume(&sts, &mfa_session(&sts), &[]);
    assert_eq!(reply.status, 200, "{}", reply.body);
    let arn = "arn:aws:sts::210987654321:assumed-role/Admin/stsd-test";
    assert_eq!(reply.tag("Arn"), arn);
    let identity = Signer::issued(&reply).call(&sts, "GetCallerIdentity", &[]);
    assert_eq!((identity.tag("Arn"), identity.tag("Account")), (arn.to_owned(), "210987654321".to_owned()));
    assert_eq!(identity.tag("UserId"), reply.tag("AssumedRoleId"));
}

#[test]
fn a_role_is_assumed_with_a_key_and_a_code() {
    let sts = StrictSts::with_alice();
    sts.world(|world| {
        world.role(ADMIN).max_session_seconds(43_200);
    });
    let alice = sts.alice();
    let code = sts.fresh_code(&alice.serial);
    let parameters =
        [("SerialNumber", alice.serial.as_str()), ("TokenCode", code.as_str()), ("DurationSeconds", "43200")];
    assert_eq!(assume(&sts, &Signer::of(&alice), &parameters).status, 200);
    assert_eq!(assume(&sts, &Signer::of(&alice), &parameters).tag("Code"), "AccessDenied");
}

#[test]
fn what_the_trust_policy_does_not_allow_is_denied() {
    let sts = StrictSts::with_alice();
    let alice = Signer::of(&sts.alice());
    let denied = |role: &str| {
        let text = format!(
            "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: sts:AssumeRole on resource: {role}"
        );
        (403, "AccessDenied".to_owned(), text)
    };
    assert_eq!(assume(&sts, &alice, &[]).refusal(), denied(ADMIN), "without MFA");
    let nowhere = [("RoleArn", "arn:aws:iam::210987654321:role/None"), ("RoleSessionName", "stsd-test")];
    assert_eq!(
        alice.call(&sts, "AssumeRole", &nowhere).refusal(),
        denied("arn:aws:iam::210987654321:role/None")
    );
    sts.world(|world| {
        world.role(ADMIN).external_id("e-1");
    });
    let session = mfa_session(&sts);
    assert_eq!(assume(&sts, &session, &[]).refusal(), denied(ADMIN), "without the external id");
    assert_eq!(assume(&sts, &session, &[("ExternalId", "e-1")]).status, 200);
    sts.world(|world| {
        world.role(ADMIN).trusts("210987654321");
    });
    assert_eq!(assume(&sts, &session, &[("ExternalId", "e-1")]).refusal(), denied(ADMIN), "another account");
}

#[test]
fn a_role_has_a_longest_life() {
    let sts = StrictSts::with_alice();
    sts.world(|world| {
        world.role("arn:aws:iam::123456789012:role/Open");
    });
    let long = [
        ("RoleArn", "arn:aws:iam::123456789012:role/Open"),
        ("RoleSessionName", "stsd-test"),
        ("DurationSeconds", "7200"),
    ];
    let refusal = |text: &str| (400, "ValidationError".to_owned(), text.to_owned());
    assert_eq!(
        Signer::of(&sts.alice()).call(&sts, "AssumeRole", &long).refusal(),
        refusal("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    );
    assert_eq!(
        mfa_session(&sts).call(&sts, "AssumeRole", &long).refusal(),
        refusal(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )
    );
    let reply = Signer::of(&sts.alice()).call(&sts, "AssumeRole", &[("RoleArn", ADMIN)]);
    assert_eq!(
        reply.refusal(),
        refusal(
            "1 validation error detected: Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null"
        )
    );
}
