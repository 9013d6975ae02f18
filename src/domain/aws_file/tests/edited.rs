//! What becomes of each file of the corpus, byte for byte: `tests/data/aws_file/edited.json`.

use std::collections::BTreeMap;
use std::fs;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::{Document, Grammar, Refusal, RefusalReason};
use super::{corpus, fingerprint, section, session};

/// Texts by their lines, each with its end.
type Lines = Vec<String>;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
enum Outcome {
    /// The refusal's words.
    Refused(String),
    Edited {
        /// With a session in the section.
        put: Lines,
        /// With the session taken out again; not given if that is the text of before.
        #[serde(skip_serializing_if = "Option::is_none")]
        taken: Option<Lines>,
    },
}

fn lines(document: &Document) -> Lines {
    document.text().split_inclusive('\n').map(str::to_owned).collect()
}

fn edit(bytes: Vec<u8>, target: &str) -> Result<Outcome, Refusal> {
    let (name, new) = (section(target), session("NEW"));
    let document = Document::from_bytes(Zeroizing::new(bytes), Grammar::Credentials)?;
    let put = document.put_session(&name, &new, None)?;
    let (taken, _) = put.document.take_session(&name, put.created, Some(&fingerprint(&new)))?;
    let taken = (taken.document.text() != document.text()).then(|| lines(&taken.document));
    Ok(Outcome::Edited { put: lines(&put.document), taken })
}

/// The edit of a file in whose target a long-term key stood, and stands a session now.
fn edit_of_a_session(bytes: &[u8], target: &str) -> Result<Outcome, Refusal> {
    let text = str::from_utf8(bytes).unwrap().replace("AKIA", "ASIA");
    let outcome = edit(text.clone().into_bytes(), target);
    if !is_of_a_key(&outcome) {
        return outcome;
    }
    let with_token = ["\n", "\r\n"].into_iter().fold(text, |text, end| {
        let header = format!("[{target}]{end}");
        text.replace(&header, &format!("{header}aws_session_token = old{end}"))
    });
    edit(with_token.into_bytes(), target)
}

fn is_of_a_key(outcome: &Result<Outcome, Refusal>) -> bool {
    matches!(outcome, Err(Refusal { reason: RefusalReason::LongTermKey { .. }, .. }))
}

#[test]
fn each_file_becomes_exactly_what_is_stored_or_is_refused_in_these_words() {
    let mut found: BTreeMap<String, BTreeMap<String, Outcome>> = BTreeMap::new();
    for (name, bytes) in corpus::files("credentials") {
        let mut outcomes = BTreeMap::new();
        for target in ["default", "new", "tail"] {
            let outcome = edit(bytes.clone(), target);
            if is_of_a_key(&outcome) {
                outcomes.insert(format!("{target} with a session"), edit_of_a_session(&bytes, target));
            }
            outcomes.insert(target.to_owned(), outcome);
        }
        let in_words = |outcome: Result<_, Refusal>| {
            outcome.unwrap_or_else(|refusal| Outcome::Refused(refusal.to_string()))
        };
        let outcomes = outcomes.into_iter().map(|(target, outcome)| (target, in_words(outcome))).collect();
        found.insert(name, outcomes);
    }
    let path = corpus::directory().join("edited.json");
    if std::env::var_os("STSD_TEST_STORE_EDITED").is_some() {
        fs::write(&path, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
    }
    let stored: BTreeMap<String, BTreeMap<String, Outcome>> = corpus::read("edited.json");
    assert_eq!(found.keys().collect::<Vec<_>>(), stored.keys().collect::<Vec<_>>());
    for (name, outcomes) in &found {
        assert_eq!(outcomes, &stored[name], "{name}");
    }
    let edited = found.values().flat_map(BTreeMap::values).filter(|o| matches!(o, Outcome::Edited { .. }));
    assert!(edited.count() > 140);
}
