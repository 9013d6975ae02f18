//! Files with one quirk each, and what AWS's parsers make of them: `tests/data/aws_file`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::super::{Document, Grammar, RefusalReason, Removal};
use super::{section, session};

pub(super) fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/aws_file")
}

pub(super) fn read<T: serde::de::DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&fs::read_to_string(directory().join(name)).unwrap()).unwrap()
}

/// Every file with its bytes.
pub(super) fn files(kind: &str) -> Vec<(String, Vec<u8>)> {
    let manifest: BTreeMap<String, String> = read("manifest.json");
    let of_kind = manifest.into_iter().filter(|(_, found)| found == kind);
    of_kind.map(|(name, _)| (name.clone(), fs::read(directory().join(name)).unwrap())).collect()
}

fn parse(bytes: &[u8], grammar: Grammar) -> Option<Document> {
    Document::from_bytes(Zeroizing::new(bytes.to_vec()), grammar).ok()
}

#[test]
fn every_file_of_text_is_printed_as_it_was() {
    let mut refused = Vec::new();
    for (kind, grammar) in [("credentials", Grammar::Credentials), ("config", Grammar::Config)] {
        for (name, bytes) in files(kind) {
            match parse(&bytes, grammar) {
                Some(document) => assert_eq!(document.text().as_bytes(), bytes, "{name}"),
                None => refused.push(name),
            }
        }
    }
    assert_eq!(refused, ["071_invalid_utf8.ini", "073_utf16_bom.ini"]);
}

#[test]
fn a_profile_is_read_as_three_parsers_agree() {
    type Profiles = BTreeMap<String, BTreeMap<String, Option<String>>>;
    let expected: BTreeMap<String, Profiles> = read("expected.json");
    let mut compared = 0;
    for (kind, grammar) in [("credentials", Grammar::Credentials), ("config", Grammar::Config)] {
        for (name, bytes) in files(kind) {
            let (Some(document), Some(profiles)) = (parse(&bytes, grammar), expected.get(&name)) else {
                continue;
            };
            for (profile, keys) in profiles {
                for (key, value) in keys {
                    assert_eq!(document.get(profile, key), value.as_deref(), "{name}: [{profile}] {key}");
                    compared += 1;
                }
            }
        }
    }
    // A corpus that is not found compares nothing.
    assert_eq!(compared, 416);
}

/// The lines of a text that are in `[name]`, and the others.
fn split(text: &str, name: &str) -> (Vec<String>, Vec<String>) {
    let mut inside = false;
    text.split_inclusive('\n').map(str::to_owned).partition(|line| {
        if line.starts_with('[') {
            inside = line.starts_with(&format!("[{name}]"));
        }
        inside
    })
}

#[test]
fn an_edit_leaves_every_other_line_or_is_refused() {
    let mut edited = BTreeMap::new();
    for (name, bytes) in files("credentials") {
        let Some(document) = parse(&bytes, Grammar::Credentials) else { continue };
        for target in ["default", "new", "tail"] {
            let edit = document.put_session(&section(target), &session("NEW"), None);
            let Err(refusal) = &edit else {
                let edit = edit.unwrap();
                check_edit(&name, target, document.text(), &edit.document);
                *edited.entry(target).or_insert(0) += 1;
                continue;
            };
            if matches!(refusal.reason, RefusalReason::LongTermKey { .. }) {
                // Over a long-term key nothing is written: it is made temporary first.
                let temporary = document
                    .text()
                    .replace("AKIA", "ASIA")
                    .replace(&format!("[{target}]"), &format!("[{target}]\naws_session_token = old"));
                let document = Document::parse(temporary, Grammar::Credentials);
                match document.put_session(&section(target), &session("NEW"), None) {
                    Ok(edit) => check_edit(&name, target, document.text(), &edit.document),
                    // Where the token is there already, and where half of the key is missing.
                    Err(refusal) => assert!(
                        matches!(
                            refusal.reason,
                            RefusalReason::DuplicateKey { .. } | RefusalReason::LongTermKey { .. }
                        ),
                        "{name} {target} {refusal}"
                    ),
                }
                *edited.entry(target).or_insert(0) += 1;
            }
        }
    }
    // A file that the editor begins to refuse, or no longer refuses, is noticed.
    assert_eq!(edited, BTreeMap::from([("default", 42), ("new", 55), ("tail", 55)]));
}

#[test]
fn a_key_that_is_imported_is_the_one_that_three_parsers_read_and_leaves_nothing_else() {
    type Profiles = BTreeMap<String, BTreeMap<String, Option<String>>>;
    let expected: BTreeMap<String, Profiles> = read("expected.json");
    let (mut imported, mut compared) = (BTreeMap::new(), 0);
    for (name, bytes) in files("credentials") {
        let Some(document) = parse(&bytes, Grammar::Credentials) else { continue };
        for target in ["default", "tail"] {
            let Ok(found) = document.long_term_key(&section(target)) else { continue };
            let profile = expected.get(&name).and_then(|profiles| profiles.get(target));
            // What the three read differently is not in the list.
            let read = |wanted: &str| {
                let (_, value) = profile?.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted))?;
                Some(value.as_deref())
            };
            let (id, secret) = (found.key.id.as_str(), found.key.secret.expose_secret());
            for (key, found) in [("aws_access_key_id", id), ("aws_secret_access_key", secret)] {
                assert_eq!(read(key).unwrap_or(Some(found)), Some(found), "{name} {target} {key}");
                compared += usize::from(read(key).is_some());
            }
            let (edit, removal) = document.take_key(&section(target), &found.key).unwrap();
            assert_eq!(removal, Removal::Removed, "{name} {target}");
            let ((old, kept), (new, left)) =
                (split(document.text(), target), split(edit.document.text(), target));
            assert_eq!(kept, left, "{name} {target}");
            let ours = ["aws_", "x_security_token_expires", "expiration"];
            let foreign = |line: &&String| !ours.iter().any(|key| line.to_lowercase().starts_with(key));
            assert_eq!(
                old.iter().filter(foreign).collect::<Vec<_>>(),
                new.iter().collect::<Vec<_>>(),
                "{name} {target}"
            );
            *imported.entry(target).or_insert(0) += 1;
        }
    }
    assert_eq!((imported, compared), (BTreeMap::from([("default", 30), ("tail", 53)]), 136));
}

#[track_caller]
fn check_edit(name: &str, target: &str, before: &str, after: &Document) {
    let occupant = after.occupant(&section(target)).unwrap();
    assert!(occupant.holds(&session("NEW")), "{name} {target}");
    let ((old, mut kept), (new, mut found)) = (split(before, target), split(after.text(), target));
    // The line end and the empty line before a new section are the only bytes outside that may be added.
    if old.is_empty() {
        assert!(after.text().starts_with(before), "{name} {target}");
        kept.retain(|line| !line.trim().is_empty());
        found.retain(|line| !line.trim().is_empty());
        let ends = |line: &mut String| *line = line.trim_end().to_owned();
        kept.iter_mut().for_each(ends);
        found.iter_mut().for_each(ends);
    }
    assert_eq!(kept, found, "{name} {target}");
    let ours = ["aws_", "x_security_token_expires", "expiration"];
    let foreign = |line: &&String| !ours.iter().any(|key| line.to_lowercase().starts_with(key));
    let (old, new): (Vec<_>, Vec<_>) =
        (old.iter().filter(foreign).collect(), new.iter().filter(foreign).collect());
    if !old.is_empty() {
        assert_eq!(old, new, "{name} {target}");
    }
}
