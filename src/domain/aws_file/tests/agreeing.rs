//! What holds between the document, its edits and the parsers, for every file.

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::super::{Document, FileBytes, Grammar, Parser, Profiles, Readings, read};
use super::normal::model;
use super::{document, nasty, section, session};
use crate::domain::keys::SessionCredentials;

/// What a parser reads in all profiles but one.
fn others(profiles: &Profiles<'_>, target: &str) -> Vec<(String, Vec<(String, String)>)> {
    let keys = |name| {
        let own =
            profiles.keys(name).map(|(key, entry)| (key.to_owned(), entry.value.expose_secret().to_owned()));
        let mut keys: Vec<_> = own.collect();
        keys.sort();
        keys
    };
    let names = profiles.names().filter(|name| *name != target);
    let mut others: Vec<_> = names.map(|name| (name.to_owned(), keys(name))).collect();
    others.sort();
    others
}

/// The parsers that could read the file still can, and read all profiles but one as before.
fn check_others(before: &str, after: &str, target: &str) -> Result<(), TestCaseError> {
    for parser in Parser::ALL {
        let Ok(old) = read(parser, before, Grammar::Credentials) else { continue };
        let new = read(parser, after, Grammar::Credentials);
        prop_assert!(new.is_ok(), "{} reads {after:?} no more: {new:?}", parser.name());
        prop_assert_eq!(others(&old, target), others(&new.unwrap(), target), "{} {:?}", parser.name(), after);
    }
    Ok(())
}

/// Every parser that can read the file reads the session that was put there.
fn check_target(
    before: &str,
    after: &str,
    target: &str,
    written: &SessionCredentials,
) -> Result<(), TestCaseError> {
    let expected = [
        ("aws_access_key_id", Some(written.id.as_str())),
        ("aws_secret_access_key", Some(written.secret.expose_secret())),
        ("aws_session_token", Some(written.token.expose_secret())),
        ("x_security_token_expires", Some("2026-11-22T03:04:05Z")),
        ("aws_security_token", None),
    ];
    for parser in Parser::ALL {
        if read(parser, before, Grammar::Credentials).is_err() {
            continue;
        }
        let profiles = read(parser, after, Grammar::Credentials).unwrap();
        for (key, value) in expected {
            let found = profiles.get(target, key).map(|entry| entry.value.expose_secret());
            prop_assert_eq!(found, value, "{} {} {:?}", parser.name(), key, after);
        }
    }
    Ok(())
}

/// Where the parsers agree on a key, so does the document.
fn check_get(text: &str, grammar: Grammar) -> Result<(), TestCaseError> {
    let document = Document::parse(text.to_owned(), grammar);
    // Of headers that are different things to different parsers no common reading is made: that all have the section
    // all the same, each by another line, is chance. No such file is edited.
    if document.spans().iter().any(|span| document.title(span).is_none()) {
        return Ok(());
    }
    let readings = document.readings();
    let Ok(profiles) = readings.of(Parser::Rust) else { return Ok(()) };
    for name in profiles.names() {
        let everywhere =
            Parser::ALL.iter().all(|p| readings.of(*p).is_ok_and(|read| read.names().any(|n| n == name)));
        if everywhere {
            prop_assert!(document.contains(name), "{name:?} {text:?}");
        }
        for (key, entry) in profiles.keys(name).filter(|(_, entry)| !entry.is_nested()) {
            if readings.alike(name, &[key]) {
                prop_assert_eq!(
                    document.get(name, key),
                    Some(entry.value.expose_secret()),
                    "{:?} {:?}",
                    key,
                    text
                );
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60), text in any::<String>()) {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            for grammar in [Grammar::Credentials, Grammar::Config] {
                let bytes = FileBytes::new(bytes);
                let _divergences = bytes.readings(grammar).divergences().len();
            }
        }
    }

    #[test]
    fn the_document_reads_what_all_parsers_read(credentials in nasty::credentials(), config in nasty::config()) {
        check_get(&credentials, Grammar::Credentials)?;
        check_get(&config, Grammar::Config)?;
    }

    #[test]
    fn there_are_divergences_exactly_where_readings_differ(credentials in nasty::credentials(), config in nasty::config()) {
        for (text, grammar) in [(&credentials, Grammar::Credentials), (&config, Grammar::Config)] {
            let bytes = FileBytes::new(text.as_bytes());
            let [botocore, rust, javascript] = Parser::ALL.map(|parser| model(&bytes, parser, grammar));
            let readings = Readings::new(text, grammar);
            let settled = !format!("{:?}", readings.divergences()).contains("Unsettled");
            if settled {
                let agree = botocore == rust && rust == javascript;
                prop_assert_eq!(readings.divergences().is_empty(), agree, "{:?}", text);
            }
        }
    }

    #[test]
    fn an_edit_changes_no_other_profile_of_any_parser(text in nasty::credentials(), at in 0..nasty::SECTIONS.len()) {
        let name = nasty::SECTIONS[at];
        let (target, new) = (section(name), session("NEW"));
        let temporary = text.replace("AKIA", "ASIA");
        for text in [&text, &temporary] {
            for created in [true, false] {
                if let Ok((taken, _)) = document(text).take_session(&target, created, None) {
                    check_others(text, taken.document.text(), name)?;
                }
            }
            let Ok(put) = document(text).put_session(&target, &new, None) else { continue };
            check_others(text, put.document.text(), name)?;
            check_target(text, put.document.text(), name, &new)?;
            let (taken, _) = put.document.take_session(&target, put.created, None).unwrap();
            check_others(put.document.text(), taken.document.text(), name)?;
            check_others(text, taken.document.text(), name)?;
        }
    }
}
