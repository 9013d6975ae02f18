//! Tests of the file editor: the corpus, tables, properties.

use chrono::DateTime;

use super::{Document, FileBytes, Grammar, Parser};
use crate::domain::fingerprint::{Fingerprint, SALT_BYTES};
use crate::domain::keys::{AccessKeyId, SessionCredentials};
use crate::domain::profile::SectionName;

mod agreeing;
mod corpus;
mod edited;
mod editing;
mod key;
mod models;
mod nasty;
mod normal;
mod properties;
mod reading;
mod refusing;
mod taking;
mod traps;

/// What a session `session("NEW")` looks like in a section.
const NEW_LINES: &str = "aws_access_key_id = ASIAXXXXXXXXXXXXXNEW\naws_secret_access_key = secret/NEW+\n\
    aws_session_token = token/NEW==\nx_security_token_expires = 2026-11-22T03:04:05Z\n";

fn document(text: &str) -> Document {
    Document::parse(text.to_owned(), Grammar::Credentials)
}

fn section(name: &str) -> SectionName {
    SectionName::parse(name).unwrap()
}

fn session(tag: &str) -> SessionCredentials {
    SessionCredentials {
        id: AccessKeyId::parse(&format!("ASIA{tag:X>16}")).unwrap(),
        secret: format!("secret/{tag}+").into(),
        token: format!("token/{tag}==").into(),
        expires_at: DateTime::parse_from_rfc3339("2026-11-22T03:04:05.999Z").unwrap().to_utc(),
    }
}

fn fingerprint(session: &SessionCredentials) -> Fingerprint {
    Fingerprint::of(session, [3; SALT_BYTES])
}

/// The text after `session("NEW")` was put into `name`, or the refusal's words.
fn put(text: &str, name: &str) -> Result<String, String> {
    let edit = document(text).put_session(&section(name), &session("NEW"), None);
    edit.map(|edit| edit.document.text().to_owned()).map_err(|refusal| refusal.to_string())
}
