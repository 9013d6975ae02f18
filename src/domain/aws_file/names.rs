//! The keys that stsd writes or removes, and those by which other tools are known.

pub(super) const ID: &str = "aws_access_key_id";
pub(super) const SECRET: &str = "aws_secret_access_key";
pub(super) const TOKEN: &str = "aws_session_token";
const EXPIRY: &str = "x_security_token_expires";

/// A legacy token that Python's SDK prefers over `aws_session_token`: a stale one there makes the new session fail.
pub(super) const LEGACY_TOKEN: &str = "aws_security_token";

/// The keys that are written, in their order.
pub(super) const WRITTEN: [&str; 4] = [ID, SECRET, TOKEN, EXPIRY];

/// The keys in which tools note when a session expires; the first is the one that stsd writes.
pub(super) const EXPIRY_KEYS: [&str; 4] = [EXPIRY, "expiration", "aws_expiration", "aws_session_expiration"];

/// Keys that other tools, and never stsd, write beside a session.
const FOREIGN_MARKS: [&str; 8] = [
    "x_principal_arn",
    "aws_credential_expiration",
    "awsmfa_expiration",
    "source_expiration",
    "assumed_role",
    "assumed_role_arn",
    "autoawsume",
    "manager",
];

/// The key of that name, in whatever case, if it is one that stsd writes or removes.
pub(super) fn managed(key: &str) -> Option<&'static str> {
    let known = WRITTEN.into_iter().chain([LEGACY_TOKEN]).chain(EXPIRY_KEYS);
    known.into_iter().find(|known| known.eq_ignore_ascii_case(key))
}

/// True for a key that another tool writes beside a session.
pub(super) fn is_foreign_mark(key: &str) -> bool {
    FOREIGN_MARKS.iter().any(|mark| mark.eq_ignore_ascii_case(key))
}
