//! What holds for every file and every edit, whatever the bytes.
//!
//! Compiled twice: into the fuzz target, which looks for bytes that break it, and into the tests, which replay what was
//! found (`findings`). Whoever includes it brings the module `domain`.
//!
//! What stays and what goes is judged by lines, by means of its own: the editor's parser cannot vouch for itself.

use chrono::DateTime;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::domain::aws_file::{Document, Edit, Grammar, Removal};
use super::domain::fingerprint::{Fingerprint, SALT_BYTES};
use super::domain::keys::{AccessKeyId, SessionCredentials};
use super::domain::profile::SectionName;

/// The keys whose lines an edit may change.
const MANAGED: [&str; 8] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "x_security_token_expires",
    "aws_security_token",
    "expiration",
    "aws_expiration",
    "aws_session_expiration",
];
/// The sections of a file that are tried as targets; more of the same kind show nothing new and take time.
const TARGETS_OF_THE_FILE: usize = 2;
/// The keys of each other section that are asked for before and after; the lines are compared all the same.
const KEYS_OF_A_SECTION: usize = 6;

/// Edits `bytes` in every way. Panics where an invariant does not hold.
pub(super) fn check(bytes: &[u8]) {
    for grammar in [Grammar::Credentials, Grammar::Config] {
        let parsed = Document::from_bytes(Zeroizing::new(bytes.to_vec()), grammar);
        let Ok(text) = std::str::from_utf8(bytes) else {
            assert!(parsed.is_err(), "what is not UTF-8 was taken for a text");
            continue;
        };
        let Ok(document) = parsed else { panic!("a text was refused as no UTF-8") };
        assert_eq!(document.text(), text, "printed otherwise than it was given");
        assert!(document.keeps_all_of(&document), "a text does not keep itself");
        let _named: Vec<_> = document.sections().map(|head| document.get(head.title, "region")).collect();
        if grammar == Grammar::Config {
            assert!(
                document.put_session(&section("a"), &session("NEW"), None).is_err(),
                "the config file is edited"
            );
            continue;
        }
        let named = document.sections().filter_map(|head| SectionName::parse(head.title).ok());
        for target in named.take(TARGETS_OF_THE_FILE) {
            check_put(&document, &target, &session("NEW"));
            check_take(&document, &target);
        }
        check_put(&document, &section("new"), &session_out_of(text));
    }
}

fn check_put(before: &Document, target: &SectionName, new: &SessionCredentials) {
    let name = target.as_str();
    let written = fingerprint_of_what_stands(before, target);
    let long_term = lines_of(before.text(), name).iter().any(|line| {
        let (key, value) = line.split_once('=').unwrap_or_default();
        is(key, "aws_access_key_id") && value.contains("AKIA")
    });
    let held = before.occupant(target).is_some_and(|occupant| occupant.holds(new));
    let strict = before.put_session(target, new, None);
    assert!(strict.is_err() || !long_term || held, "a long-term key is overwritten");
    let Ok(edit) = before.put_session(target, new, written.as_ref()) else {
        assert!(strict.is_err(), "refused only because it is known");
        return;
    };
    let after = &edit.document;
    assert_eq!(after.check(), Ok(()), "an edited file that may not be edited");
    assert_eq!(edit.created, !before.contains(name));
    assert_eq!(edit.changed, before.text() != after.text());
    let occupant = after.occupant(target);
    assert!(occupant.is_some_and(|occupant| occupant.holds(new)), "the session does not stand there");
    assert_eq!(after.get(name, "aws_security_token"), None, "the legacy token is left");
    assert_eq!(after.get(name, "x_security_token_expires"), Some("2026-11-22T03:04:05Z"));
    check_others(before, after, target, edit.created);

    let again = put(after, target, new);
    assert!(!again.changed && !again.created, "a second time changes something");
    assert_eq!(again.document.text(), after.text());
    let there_and_back = put(&put(after, target, &session("OTHER")).document, target, new);
    assert_eq!(there_and_back.document.text(), after.text(), "another session left a trace");

    for written in [Some(Fingerprint::of(new, [3; SALT_BYTES])), None] {
        let taken = after.take_session(target, edit.created, written.as_ref());
        let Ok((taken, removal)) = taken else { panic!("what was put cannot be taken") };
        if removal != Removal::Removed {
            // Beside another tool's marks, only what is remembered is ours.
            assert!(written.is_none() && !edit.created && removal == Removal::Foreign, "{removal:?}");
            continue;
        }
        assert_eq!(
            put(&taken.document, target, new).document.get(name, "aws_session_token"),
            after.get(name, "aws_session_token")
        );
        if edit.created {
            let text = before.text();
            // The one exception: a comment without a line end at the end of the file gets one.
            let comment = text.rsplit('\n').next().is_some_and(|line| line.starts_with(['#', ';']));
            let taken = taken.document.text();
            let end_added =
                comment && taken.strip_prefix(text).is_some_and(|end| end == "\n" || end == "\r\n");
            assert!(taken == text || end_added, "taken otherwise than put");
        } else {
            check_others(after, &taken.document, target, false);
        }
    }
}

/// A session that stands in a file by chance, taken out as ours: nothing but managed lines may go.
fn check_take(before: &Document, target: &SectionName) {
    for created in [false, true] {
        let written = fingerprint_of_what_stands(before, target);
        for written in [None, written.as_ref()] {
            let Ok((edit, removal)) = before.take_session(target, created, written) else { continue };
            assert_eq!(edit.changed, removal == Removal::Removed);
            if removal == Removal::Removed {
                check_others(before, &edit.document, target, true);
            } else {
                assert_eq!(edit.document.text(), before.text(), "left alone, but not as it was");
            }
        }
    }
}

/// Nothing is different but managed lines of the target; with `whole`, also its header and the blank line before it.
fn check_others(before: &Document, after: &Document, target: &SectionName, whole: bool) {
    let name = target.as_str();
    let blank = |line: &&str| whole && line.trim().is_empty();
    let foreign = |text: &str| -> Vec<String> {
        let lines = in_sections(text).into_iter().filter(|(section, line)| {
            let mine = section.as_deref() == Some(name);
            let managed =
                line.split_once('=').is_some_and(|(key, _)| MANAGED.iter().any(|known| is(key, known)));
            let header = mine && whole && line.starts_with('[') && line.trim_end().ends_with(']');
            !(mine && managed || header || blank(line))
        });
        // The last line of the text may gain a line end.
        lines.map(|(_, line)| line.trim_end_matches(['\r', '\n']).to_owned()).collect()
    };
    assert_eq!(foreign(before.text()), foreign(after.text()), "a line that is not managed");
    for head in before.sections().filter(|head| head.title != name) {
        for line in lines_of(before.text(), head.title).into_iter().take(KEYS_OF_A_SECTION) {
            let key = line.split_once('=').map_or(line, |(key, _)| key).trim();
            assert_eq!(before.get(head.title, key), after.get(head.title, key), "a value of another section");
        }
    }
}

/// The lines with the name of their section, by the column-0 brackets alone.
fn in_sections(text: &str) -> Vec<(Option<String>, &str)> {
    let mut section = None;
    let label = |line| {
        if let Some(rest) = str::strip_prefix(line, "[") {
            section = rest.split(']').next().map(str::to_owned);
        }
        (section.clone(), line)
    };
    text.split_inclusive('\n').map(label).collect()
}

fn lines_of<'a>(text: &'a str, section: &str) -> Vec<&'a str> {
    let lines = in_sections(text).into_iter().filter(|(of, _)| of.as_deref() == Some(section));
    lines.map(|(_, line)| line).filter(|line| !line.starts_with('[')).collect()
}

/// True for a key as it may be spelt.
fn is(key: &str, known: &str) -> bool {
    key.trim_end_matches([' ', '\t']).eq_ignore_ascii_case(known)
}

fn put(document: &Document, target: &SectionName, session: &SessionCredentials) -> Edit {
    match document.put_session(target, session, None) {
        Ok(edit) => edit,
        Err(refusal) => panic!("an edited file is refused: {refusal}"),
    }
}

/// The fingerprint of whatever the target holds, as if it had been written by us.
fn fingerprint_of_what_stands(document: &Document, target: &SectionName) -> Option<Fingerprint> {
    let occupant = document.occupant(target)?;
    let session = SessionCredentials {
        id: occupant.id()?,
        secret: occupant.secret?,
        token: occupant.token?,
        expires_at: DateTime::UNIX_EPOCH,
    };
    Some(Fingerprint::of(&session, [3; SALT_BYTES]))
}

fn section(name: &str) -> SectionName {
    SectionName::parse(name).expect("a name")
}

fn session(tag: &str) -> SessionCredentials {
    SessionCredentials {
        id: AccessKeyId::parse(&format!("ASIA{tag:X>16}")).expect("an id"),
        secret: format!("secret/{tag}+").into(),
        token: format!("token/{tag}==").into(),
        expires_at: DateTime::from_timestamp(1_795_316_645, 0).expect("a moment"),
    }
}

/// A session whose secret and token are of the file itself, so that they too are any text.
fn session_out_of(text: &str) -> SessionCredentials {
    let mut lines = text.rsplit(['\n', '=']).map(|part| SecretString::from(part.to_owned()));
    let mut next = || lines.next().unwrap_or_default();
    SessionCredentials { secret: next(), token: next(), ..session("ANY") }
}
