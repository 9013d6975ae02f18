//! The models of the parsers beside what the real ones read: the corpus and its `readings.json`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::{Divergence, FileBytes, Grammar, Parser, Seen, Subject, read};
use super::corpus;
use super::normal::{Normal, model};

/// What was recorded of a real parser, without empty values, empty profiles, and what is no profile.
fn recorded(reading: &Value, grammar: Grammar) -> Normal {
    let mut profiles: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_value(reading.clone()).ok()?;
    for keys in profiles.values_mut() {
        keys.retain(|_, value| !value.is_empty());
    }
    let other = |name: &str| grammar == Grammar::Config && name.starts_with("sso-session.");
    profiles.retain(|name, keys| !keys.is_empty() && !other(name));
    Some(profiles)
}

fn recorded_name(parser: Parser) -> &'static str {
    match parser {
        Parser::Botocore => "botocore",
        Parser::Rust => "rust",
        Parser::JavaScript => "js",
    }
}

#[test]
fn a_model_reads_every_file_of_the_corpus_as_the_real_parser_does() {
    let readings: BTreeMap<String, BTreeMap<String, Value>> = corpus::read("readings.json");
    let mut compared = 0;
    for (kind, grammar) in [("credentials", Grammar::Credentials), ("config", Grammar::Config)] {
        for (name, bytes) in corpus::files(kind) {
            let bytes = FileBytes::new(&bytes);
            let of = |parser| recorded(&readings[&name][recorded_name(parser)], grammar);
            for parser in Parser::ALL {
                assert_eq!(model(&bytes, parser, grammar), of(parser), "{name}: {}", parser.name());
                compared += 1;
            }
            let agree =
                of(Parser::Botocore) == of(Parser::Rust) && of(Parser::Rust) == of(Parser::JavaScript);
            let readings = bytes.readings(grammar);
            let divergences = readings.divergences();
            assert_eq!(divergences.is_empty(), agree, "{name}: {divergences:?}");
            assert!(divergences.is_sorted_by_key(|divergence| divergence.line), "{name}");
        }
    }
    assert_eq!(compared, 255);
}

#[test]
fn a_model_names_the_line_at_which_the_file_is_given_up() {
    let check = |text: &str, expected: [Option<(usize, bool)>; 3]| {
        let read =
            |parser| read(parser, text, Grammar::Credentials).err().map(|error| (error.line, error.silent));
        assert_eq!(Parser::ALL.map(read), expected, "{text:?}");
    };
    let (at, silent) = (|line| Some((line, false)), |line| Some((line, true)));
    check("[a]\nx = 1\n", [None, None, None]);
    check("x = 1\n[a]\n", [at(1), at(1), None]);
    check("[a]\nx = 1\n\njunk\n", [at(4), at(4), None]);
    check("[a]\n[b]\n[a]\n", [at(3), None, None]);
    check("[a]\nX = 1\nx = 2\n", [at(3), None, None]);
    check("[a]\njunk\n[b]\n[a]\n", [at(4), at(2), None]);
    check("[a]\n  x = 1\n", [None, at(2), None]);
    check("[a]\nx =\n  y\n", [at(3), at(3), None]);
    check("[a]\n[__proto__]\n", [None, None, silent(2)]);
    check("\u{feff}[a]\n", [at(1), at(1), None]);
    check("[a]\rx = 1\n", [None, at(1), None]);
    let broken = FileBytes::new(b"[a]\nx = 1\n# \xff\n");
    let lines =
        Parser::ALL.map(|parser| broken.read(parser, Grammar::Credentials).err().map(|e| (e.line, e.silent)));
    assert_eq!(lines, [at(3), silent(3), None]);
    assert_eq!(format!("{broken:?}"), "FileBytes { bytes: 16, .. }");
}

/// A divergence in words, values and all.
fn words(divergence: &Divergence<'_>) -> String {
    let subject = match divergence.subject {
        Subject::File => "file".to_owned(),
        Subject::Section(name) => format!("[{}]", name.expose_secret()),
        Subject::Key { section, key } => format!("[{}] {}", section.expose_secret(), key.expose_secret()),
    };
    let reading = |seen: Seen<'_>| match seen {
        Seen::Unreadable(unreadable) => {
            format!("{}{}", if unreadable.silent { "empty " } else { "error " }, unreadable.line)
        }
        Seen::Value(value) => format!("{:?}", value.expose_secret()),
        Seen::Present => "there".to_owned(),
        Seen::Absent => "-".to_owned(),
        Seen::Everywhere => "everywhere".to_owned(),
        Seen::Unsettled => "either".to_owned(),
    };
    format!("{}: {subject}: {}", divergence.line, divergence.readings.map(reading).join(", "))
}

#[test]
fn a_divergence_names_the_line_and_what_each_parser_reads() {
    let check_as = |grammar, text: &str, expected: &[&str]| {
        let bytes = FileBytes::new(text.as_bytes());
        let readings = bytes.readings(grammar);
        let found: Vec<String> = readings.divergences().iter().map(words).collect();
        assert_eq!(found, expected, "{text:?}");
    };
    let check = |text: &str, expected: &[&str]| check_as(Grammar::Credentials, text, expected);
    check("[a]\nx = 1\ny = \"2\"\ns3 =\n  max = 1\n", &[]);
    check("[a]\nx = 1 # c\n", &["2: [a] x: \"1 # c\", \"1\", \"1\""]);
    check("[a]\nx = 1\n  # c\n", &["2: [a] x: \"1\", \"1\\n# c\", \"1\""]);
    check("[a]\nX = 1\n", &["2: [a] x: \"1\", \"1\", -"]);
    check("[a]\nx = #1\ny = 1\n", &["2: [a] x: \"#1\", -, -"]);
    check("[a]\nx = 1\n[my work]\nx = 1\n", &["3: [my work]: there, -, -"]);
    check("[a]\nx = 1\n[a]\ny = 2\n", &["3: file: error 3, there, there"]);
    check(
        "[a]\nx = 1\n[a]\ny = 2\n  z = 3\n",
        &[
            "3: file: error 3, there, there",
            "4: [a] y: error 3, \"2\\nz = 3\", \"2\"",
            "5: [a] z: error 3, -, \"3\"",
        ],
    );
    check("[DEFAULT]\nx = 1\n[a]\ny = 1\n", &["1: [DEFAULT]: everywhere, there, there"]);
    check("[DEFAULT]\nx = 1\n[a]\nx = 1\n", &["1: [DEFAULT]: -, there, there"]);
    check("[a]\nx = 1\n[__proto__]\n", &["3: file: there, there, empty 3"]);
    check("[__proto__]\n", &[]);
    check("[profile a]\nx = 1\n", &["1: [profile a]: there, -, -", "1: [profile.a]: -, -, there"]);
    check("[a]#c\nx = 1\n[b]\nx = 1\n", &["1: [a]: there, there, -"]);
    let config = |text: &str, expected: &[&str]| check_as(Grammar::Config, text, expected);
    config("[profile a]\nx = 1\n[preview]\nx = 1\n", &[]);
    config("[profile \"a\"]\nx = 1\n", &["1: [a]: there, -, there"]);
    config("[profile default]\nx = 1\n[default]\nx = 2\n", &["2: [default] x: \"2\", \"1\", \"1\""]);
    config("[profile  a]\nx = 2\n[profile a]\nx = 1\n", &["4: [a] x: \"1\", either, \"1\""]);
    check("[a]\nx = 1\ny = 1\n[ a ]\nx =\n", &["2: [a] x: \"1\", either, \"1\""]);
    config("[DEFAULT]\nx = 1\n", &[]);
}

#[test]
fn debug_shows_no_value_of_a_divergence() {
    let text = "[work]\nSECRETKEYID = top-secret # c\nsecret = top-secret # c\n";
    let bytes = FileBytes::new(text.as_bytes());
    let readings = bytes.readings(Grammar::Credentials);
    let shown = format!("{:?}", readings.divergences());
    assert!(shown.contains("Key { section: [REDACTED], key: [REDACTED] }"), "{shown}");
    for shown in [
        shown,
        format!("{readings:?}"),
        format!("{:?}", readings.of(Parser::Rust).unwrap().get("work", "secret")),
    ] {
        for secret in ["top", "SECRETKEYID", "secretkeyid", "work"] {
            assert!(!shown.contains(secret), "{secret}: {shown}");
        }
    }
}

#[test]
fn a_section_is_read_alike_or_not() {
    let keys = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];
    let check = |text: &str, expected: bool| {
        let document = super::document(text);
        assert_eq!(document.readings().alike("a", &keys), expected, "{text:?}");
    };
    check("[a]\naws_access_key_id = A\nregion = x # c\n", true);
    check("[b]\nx = 1\n", true);
    check("[a]\naws_access_key_id = A # c\n", false);
    check("[a]\nAWS_ACCESS_KEY_ID = A\n", false);
    check("[DEFAULT]\naws_session_token = A\n[a]\nx = 1\n", false);
    check("[a]\naws_access_key_id = A\n[b]\njunk\n", false);
}
