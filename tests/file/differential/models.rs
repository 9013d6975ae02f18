//! The models of the parsers beside the parsers themselves, over every file, also those that the editor refuses.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use stsd::domain::aws_file::{FileBytes, Grammar, Parser};

use super::all_files;
use super::normal::{Normal, model};
use super::readers::{Reader, Reading};

/// What the parser really read: nested keys as `parent.key`, nothing empty.
fn real(reading: &Reading) -> Normal {
    let mut profiles = BTreeMap::new();
    for (name, found) in reading.as_ref()? {
        let mut keys = BTreeMap::new();
        for (key, value) in found.iter().filter(|(key, _)| *key != "as credentials") {
            match value {
                Value::Object(nested) => {
                    let nested = nested.iter().map(|(sub, value)| (sub.as_str(), value.as_str().unwrap()));
                    keys.extend(nested.map(|(sub, value)| (format!("{key}.{sub}"), value.to_owned())));
                }
                // The Rust SDK gives a block as the text that it is.
                Value::String(text) if text.starts_with('\n') => {
                    let nested = text.lines().filter_map(|line| line.split_once('='));
                    let trimmed = |text: &str| text.trim().to_owned();
                    keys.extend(nested.map(|(sub, value)| (format!("{key}.{}", sub.trim()), trimmed(value))));
                }
                Value::String(text) => drop(keys.insert(key.clone(), text.clone())),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                    panic!("{key} is no text")
                }
            }
        }
        keys.retain(|_, value| !value.is_empty());
        if !keys.is_empty() {
            profiles.insert(name.clone(), keys);
        }
    }
    Some(profiles)
}

#[test]
fn a_model_reads_every_file_as_its_parser_does() {
    let (files, _) = all_files();
    let directory = tempfile::tempdir().unwrap();
    let write = |(number, file): (usize, &super::File)| {
        let path = directory.path().join(number.to_string());
        fs::write(&path, &file.bytes).unwrap();
        path
    };
    let paths: Vec<_> = files.iter().enumerate().map(write).collect();
    let mut complaints = Vec::new();
    for (reader, parser) in [
        (Reader::Botocore, Parser::Botocore),
        (Reader::JavaScript, Parser::JavaScript),
        (Reader::Rust, Parser::Rust),
    ] {
        let Some(readings) = reader.read(&paths) else { continue };
        let with_values =
            readings.iter().filter(|reading| real(reading).is_some_and(|read| !read.is_empty()));
        assert!(with_values.count() > files.len() / 2, "{reader:?} reads little");
        for (file, reading) in files.iter().zip(&readings) {
            let (model, real) =
                (model(&FileBytes::new(&file.bytes), parser, Grammar::Credentials), real(reading));
            if model != real {
                complaints.push(format!("{}: {reader:?}\n  {model:?}\n  {real:?}", file.name));
            }
        }
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}
