//! What holds for every file.

use proptest::prelude::*;

use super::super::{Document, Grammar, Removal};
use super::{document, fingerprint, section, session};

/// A line such as stands in a file, of every kind that parsers know and some that they don't.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(String::new()),
        2 => "[#;] ?[a-z\\[\\]= ]{0,8}",
        6 => "[a-z_]{1,6} ?= ?[a-zA-Z0-9/+ #;]{0,10}",
        3 => prop::sample::select(vec![
            "aws_access_key_id = ASIAOLDOLDOLDOLDOLD1", "aws_access_key_id=AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY = old", "aws_secret_access_key = old", "aws_session_token = old",
            "aws_security_token = old", "expiration = 2026-01-01 00:00:00", "x_security_token_expires=x",
            "aws_session_token =", "s3 =", "  max = 1", "\tmax = 1", "  # c", "  ", "key: value", "junk",
        ]).prop_map(str::to_owned),
        4 => "\\[[abc]\\]",
        1 => prop::sample::select(vec![
            "[a] # c", "[my work]", "[ a ]", "[a]#c", "[__proto__]", "[profile a]", "[default]", " [a]",
        ]).prop_map(str::to_owned),
    ]
}

/// A file of such lines, with either line end, with and without the last one.
fn file() -> impl Strategy<Value = String> {
    let line = (line(), prop::sample::select(vec!["\n", "\n", "\n", "\r\n"]));
    (prop::collection::vec(line, 0..14), any::<bool>()).prop_map(|(lines, cut)| {
        let text: String = lines.into_iter().flat_map(|(line, end)| [line, end.to_owned()]).collect();
        if cut { text.trim_end_matches(['\r', '\n']).to_owned() } else { text }
    })
}

/// The lines of each section by its header's line; those before the first under the empty name.
fn by_section(text: &str) -> Vec<(String, String)> {
    let mut sections = vec![(String::new(), String::new())];
    for line in text.split_inclusive('\n') {
        if line.starts_with('[') {
            sections.push((line.trim_end().to_owned(), String::new()));
        }
        sections.last_mut().unwrap().1.push_str(line);
    }
    sections
}

fn is_managed(line: &str) -> bool {
    ["aws_", "expiration", "x_security"].iter().any(|key| line.to_lowercase().starts_with(key))
}

proptest! {
    // What fails becomes a test of its own, not a file of seeds.
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_printed_as_it_was(text in any::<String>()) {
        for grammar in [Grammar::Credentials, Grammar::Config] {
            let document = Document::parse(text.clone(), grammar);
            prop_assert_eq!(document.text(), &text);
            let _found = document.get("default", "region");
        }
        let _edit = document(&text).put_session(&section("a"), &session("NEW"), None);
        let _taken = document(&text).take_session(&section("a"), true, None);
    }

    #[test]
    fn what_is_put_into_a_new_section_is_taken_without_a_trace(text in file(), name in "[a-e]") {
        let (name, new) = (section(&name), session("NEW"));
        // The one exception: a comment without a line end at the end of the file gets one.
        prop_assume!(text.ends_with('\n') || !text.rsplit('\n').next().unwrap().starts_with(['#', ';']));
        if let Ok(put) = document(&text).put_session(&name, &new, None) && put.created {
            let written = fingerprint(&new);
            for written in [None, Some(&written)] {
                let (taken, _) = put.document.take_session(&name, true, written).unwrap();
                prop_assert_eq!(taken.document.text(), &text);
            }
        }
    }

    #[test]
    fn a_section_that_was_there_loses_its_managed_lines_and_no_other_byte(text in file(), name in "[a-e]") {
        let (name, new) = (section(&name), session("NEW"));
        let Ok(put) = document(&text).put_session(&name, &new, None) else { return Ok(()) };
        if put.created {
            return Ok(());
        }
        let (taken, removal) = put.document.take_session(&name, false, Some(&fingerprint(&new))).unwrap();
        prop_assert_eq!(removal, Removal::Removed);
        let expected: String = by_section(&text).into_iter().map(|(title, lines)| {
            let ours = title.starts_with(&format!("[{name}]"));
            lines.split_inclusive('\n').filter(|line| !ours || !is_managed(line)).collect::<String>()
        }).collect();
        let taken = taken.document.text();
        // The end of the text may gain the line end that it had not.
        let gained = !text.ends_with('\n') && taken.strip_prefix(&*expected).is_some_and(|end| ["\n", "\r\n"].contains(&end));
        prop_assert!(taken == expected || gained, "{:?} became {:?}", text, taken);
    }

    #[test]
    fn a_session_put_twice_changes_the_file_once(text in file(), name in "[a-e]") {
        let (name, new) = (section(&name), session("NEW"));
        if let Ok(first) = document(&text).put_session(&name, &new, None) {
            let occupant = first.document.occupant(&name).unwrap();
            prop_assert!(occupant.holds(&new));
            prop_assert_eq!(first.document.check(), Ok(()));
            let second = first.document.put_session(&name, &new, None).unwrap();
            prop_assert!(!second.changed && !second.created);
            prop_assert_eq!(second.document.text(), first.document.text());
        }
    }

    #[test]
    fn other_sections_keep_every_byte(text in file(), name in "[a-e]") {
        let (name, new) = (section(&name), session("NEW"));
        let Ok(put) = document(&text).put_session(&name, &new, None) else { return Ok(()) };
        prop_assert_eq!(put.created, document(&text).occupant(&name).is_none());
        let others = |text: &str| {
            let ours = format!("[{name}]");
            by_section(text).into_iter().filter(|(head, _)| !head.starts_with(&ours)).map(|(_, lines)| lines).collect()
        };
        let (before, after): (Vec<String>, Vec<String>) = (others(&text), others(put.document.text()));
        if put.created {
            // The line end and the empty line before the new section count as the end of the one before it.
            prop_assert!(put.document.text().starts_with(&text));
            let (before, after) = (before.concat(), after.concat());
            prop_assert_eq!(before.trim_end(), after.trim_end());
        } else {
            prop_assert_eq!(&before, &after);
        }
        let taken = put.document.take_session(&name, false, None).unwrap().0;
        prop_assert_eq!(after, others(taken.document.text()));
    }
    #[test]
    fn a_key_that_leaves_takes_no_byte_of_anybody_else_along(text in file(), name in "[abc]", at in 0..14_usize) {
        let (name, lines) = (section(&name), "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = old\n");
        // Files in which a key stands in the section, if the rest allows it.
        let head = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).take(at).collect::<String>();
        let text = format!("{head}[{name}]\n{lines}{}", text.get(head.len()..).unwrap());
        let Ok(found) = document(&text).long_term_key(&name) else { return Ok(()) };
        let (edit, removal) = document(&text).take_key(&name, &found.key).unwrap();
        prop_assert_eq!(removal, Removal::Removed);
        let expected: Vec<(String, String)> = by_section(&text).into_iter().map(|(title, lines)| {
            let ours = title.starts_with(&format!("[{name}]"));
            let kept = lines.split_inclusive('\n').filter(|line| !ours || !is_managed(line)).collect();
            (title, kept)
        }).collect();
        prop_assert_eq!(by_section(edit.document.text()), expected);
    }
}
