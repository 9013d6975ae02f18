//! What the real parsers read before and after an edit: in every file that the editor does not refuse, every profile
//! but the edited one reads as before in every parser, and the edited one as written.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic, and its figures are shown then"
)]

mod files;
mod models;
#[path = "../../../src/domain/aws_file/tests/normal.rs"]
mod normal;
mod readers;
#[path = "../../../src/domain/aws_file/tests/traps.rs"]
mod traps;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chrono::DateTime;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use stsd::domain::aws_file::{Document, FileBytes, Grammar, Parser};
use stsd::domain::fingerprint::{Fingerprint, SALT_BYTES};
use stsd::domain::keys::{AccessKeyId, SessionCredentials};
use stsd::domain::profile::SectionName;
use zeroize::Zeroizing;

use files::File;
use readers::{Reader, Reading, installed};

/// How many files are made besides the corpus, unless `STSD_TEST_GENERATED_FILES` says otherwise.
const GENERATED: u64 = 300;

/// How many edits the AWS CLI is asked about; each takes three starts of half a second.
const ASKED_OF_THE_CLI: usize = 12;

/// The keys that an edit may change.
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

/// A file that was edited, with the paths of its three states.
struct Edited {
    /// For messages.
    name: String,
    target: &'static str,
    created: bool,
    before: usize,
    /// With the session.
    after: usize,
    /// With the session taken out again.
    taken: usize,
}

/// All states of all files on disk, each once, and how they belong together.
struct Written {
    directory: tempfile::TempDir,
    paths: Vec<PathBuf>,
    edited: Vec<Edited>,
    refused: usize,
}

impl Written {
    fn new(files: &[File]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut written = Self { directory, paths: Vec::new(), edited: Vec::new(), refused: 0 };
        for file in files {
            for target in file.targets {
                written.edit(file, target);
            }
        }
        written
    }

    fn edit(&mut self, file: &File, target: &'static str) {
        let (name, new) = (SectionName::parse(target).unwrap(), session());
        let parsed = Document::from_bytes(Zeroizing::new(file.bytes.clone()), Grammar::Credentials);
        let Ok(put) = parsed.and_then(|document| document.put_session(&name, &new, None)) else {
            self.refused += 1;
            return;
        };
        let again = put.document.put_session(&name, &new, None).unwrap();
        assert!(
            !again.changed && again.document.text() == put.document.text(),
            "{} [{name}]: twice",
            file.name
        );
        let written = Fingerprint::of(&new, [3; SALT_BYTES]);
        let (taken, _) = put.document.take_session(&name, put.created, Some(&written)).unwrap();
        let edited = Edited {
            name: format!("{} [{target}]", file.name),
            target,
            created: put.created,
            before: self.write(&file.bytes),
            after: self.write(put.document.text().as_bytes()),
            taken: self.write(taken.document.text().as_bytes()),
        };
        self.edited.push(edited);
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        let path = self.directory.path().join(self.paths.len().to_string());
        fs::write(&path, bytes).unwrap();
        self.paths.push(path);
        self.paths.len() - 1
    }
}

fn session() -> SessionCredentials {
    SessionCredentials {
        id: AccessKeyId::parse("ASIAY34FZKBOKMUTVV7A").unwrap(),
        secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned().into(),
        token: format!("{}/+==", "IQoJb3JpZ2luX2VjE".repeat(40)).into(),
        expires_at: DateTime::from_timestamp(1_795_316_645, 0).unwrap(),
    }
}

fn triple() -> [String; 3] {
    let SessionCredentials { id, secret, token, expires_at: _ } = session();
    [id.as_str().to_owned(), secret.expose_secret().to_owned(), token.expose_secret().to_owned()]
}

/// Everything but the target.
fn others<'a>(
    reading: &'a BTreeMap<String, Map<String, Value>>,
    target: &str,
) -> Vec<(&'a String, &'a Map<String, Value>)> {
    reading.iter().filter(|(name, _)| *name != target).collect()
}

/// The keys that are nobody's credentials.
fn foreign(profile: Option<&Map<String, Value>>) -> BTreeMap<&String, &Value> {
    let keys = profile.into_iter().flatten();
    keys.filter(|(key, _)| !MANAGED.contains(&key.to_ascii_lowercase().as_str()) && *key != "as credentials")
        .collect()
}

/// What is wrong with a parser's view of an edit.
fn complaint(edited: &Edited, before: &Reading, after: &Reading, taken: &Reading) -> Option<&'static str> {
    let (Some(before), Some(after), Some(taken)) = (before, after, taken) else {
        let refused = before.is_none() && after.is_none() && taken.is_none();
        return (!refused).then_some("refuses the file at one time and not at another");
    };
    let target = edited.target;
    if others(before, target) != others(after, target) {
        return Some("reads another profile otherwise after the edit");
    }
    if others(before, target) != others(taken, target) {
        return Some("reads another profile otherwise after the session was taken out");
    }
    let (old, Some(new)) = (before.get(target), after.get(target)) else { return Some("finds no session") };
    let found = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"].map(|key| new.get(key));
    if found
        != triple().each_ref().map(|value| Some(Value::from(value.as_str()))).each_ref().map(Option::as_ref)
    {
        return Some("reads the session otherwise than it was written");
    }
    if new.get("as credentials").is_some_and(|found| *found != json!(triple())) {
        return Some("takes other credentials than were written");
    }
    if new.contains_key("aws_security_token") {
        return Some("finds a legacy token");
    }
    if foreign(old) != foreign(Some(new)) && !edited.created {
        return Some("reads another key of the edited profile otherwise");
    }
    if foreign(old) != foreign(taken.get(target)) {
        return Some("reads another key of the profile otherwise after the session was taken out");
    }
    None
}

fn all_files() -> (Vec<File>, usize) {
    let count = std::env::var("STSD_TEST_GENERATED_FILES").map_or(GENERATED, |text| text.parse().unwrap());
    let mut files = files::corpus();
    files.extend(files::generated(count));
    (files, usize::try_from(count).unwrap())
}

#[test]
fn every_parser_reads_the_session_as_written_and_everything_else_as_before() {
    let (files, generated) = all_files();
    let written = Written::new(&files);
    let edits = written.edited.len();
    println!("{} files: {edits} edits, {} refused", files.len(), written.refused);
    assert!(
        edits > 150 + generated && written.refused > 50 + generated / 4,
        "{edits} and {}",
        written.refused
    );
    let existing = written.edited.iter().filter(|edited| !edited.created).count();
    assert!(existing > edits / 5, "only {existing} of {edits} edits are of sections that were there");
    let mut complaints = Vec::new();
    for reader in Reader::ALL {
        let Some(readings) = reader.read(&written.paths) else { continue };
        let readable = written.edited.iter().filter(|edited| readings[edited.before].is_some()).count();
        println!("{reader:?} reads {readable} of them");
        assert!(readable > edits / 2, "{reader:?} reads only {readable} of {edits} edited files");
        for edited in &written.edited {
            let [before, after, taken] = [edited.before, edited.after, edited.taken].map(|at| &readings[at]);
            if let Some(what) = complaint(edited, before, after, taken) {
                complaints.push(format!("{}: {reader:?} {what}", edited.name));
            }
        }
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

/// What `aws configure` says of a profile: its exit code, the data, the words.
fn aws_configure(
    aws: &Path,
    file: &Path,
    arguments: &[&str],
    profile: &str,
) -> (Option<i32>, String, String) {
    let mut command = Command::new(aws);
    command.arg("configure").args(arguments).args(["--profile", profile]).stdin(Stdio::null());
    // Where a profile leads elsewhere, it leads nowhere.
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    command.env("AWS_SHARED_CREDENTIALS_FILE", file).env("AWS_CONFIG_FILE", "/dev/null");
    let ran = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (ran.status.code(), text(ran.stdout), text(ran.stderr).replace(file.to_str().unwrap(), "FILE"))
}

#[test]
fn the_aws_cli_takes_the_session_as_written_and_everything_else_as_before() {
    let Some(aws) = installed("STSD_TEST_AWS") else { return };
    let (mut files, _) = all_files();
    // It would ask STS for the role.
    files.retain(|file| !file.bytes.windows(8).any(|part| part == b"role_arn"));
    let written = Written::new(&files);
    let step = (written.edited.len() / ASKED_OF_THE_CLI).max(1);
    let (mut asked, mut taken) = (0, 0);
    for edited in written.edited.iter().step_by(step) {
        let [before, after] = [edited.before, edited.after].map(|at| &written.paths[at]);
        let text = fs::read_to_string(before).unwrap();
        let document = Document::parse(text, Grammar::Credentials);
        let other = document.sections().map(|head| head.title).find(|title| *title != edited.target);
        let other = other.unwrap_or("nobody");
        // Where the credentials come from, and the last four characters of each.
        let list = |file: &Path| aws_configure(&aws, file, &["list"], other);
        let found = list(after);
        assert_eq!(list(before), found, "{}: [{other}]", edited.name);
        asked += 1;
        let unreadable = found.2.contains("Unable to parse config file");
        let (code, data, words) = aws_configure(&aws, after, &["get", "aws_session_token"], edited.target);
        assert_eq!(words.contains("Unable to parse config file"), unreadable, "{}: {words}", edited.name);
        if !unreadable {
            assert_eq!((code, data.trim_end()), (Some(0), triple()[2].as_str()), "{}: {words}", edited.name);
            taken += 1;
        }
    }
    assert!(asked >= ASKED_OF_THE_CLI && taken > ASKED_OF_THE_CLI / 2, "{asked} edits, {taken} sessions");
}
