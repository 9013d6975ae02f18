//! Tests on real files: each failure leaves the file as it was and the directory without our traces.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::DateTime;
use tempfile::TempDir;

use super::FileStore;
use crate::domain::keys::{AccessKeyId, SessionCredentials};
use crate::domain::profile::SectionName;
use crate::ports::session_store::{SectionTarget, SectionWritten, SessionStore as _, StoreError};

mod changed;
mod copies;
mod disk_full;
mod foreign;
mod key;
mod refusing;
mod replacing;
mod writing;

/// What stands in the file before.
const BEFORE: &str = "# mine\n[other]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\n";

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn session(tag: &str) -> SessionCredentials {
    SessionCredentials {
        id: AccessKeyId::parse(&format!("ASIA{tag:X>16}")).unwrap(),
        secret: format!("secret/{tag}").into(),
        token: format!("token/{tag}").into(),
        expires_at: DateTime::parse_from_rfc3339("2026-11-22T03:04:05Z").unwrap().to_utc(),
    }
}

fn lines(tag: &str) -> String {
    format!(
        "aws_access_key_id = ASIA{tag:X>16}\naws_secret_access_key = secret/{tag}\naws_session_token = token/{tag}\n\
         x_security_token_expires = 2026-11-22T03:04:05Z\n"
    )
}

fn targets(names: &[&str]) -> Vec<SectionTarget> {
    let target = |name: &&str| SectionTarget {
        section: SectionName::parse(name).unwrap(),
        written: None,
        earlier: None,
        created: true,
    };
    names.iter().map(target).collect()
}

/// A directory with a quiet credentials file of this text.
fn aws(text: &str) -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("credentials");
    write_old(&path, text.as_bytes());
    (root, path)
}

/// Writes a file that looks as if nobody had touched it for a while.
fn write_old(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    make_old(path, Duration::from_secs(5));
}

fn make_old(path: &Path, age: Duration) {
    let file = fs::File::open(path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

/// Prepares, writes and settles.
fn put(path: &Path, names: &[&str], tag: &str) -> Result<Vec<SectionWritten>, StoreError> {
    run(async {
        let store = FileStore::new(path.to_owned());
        let mut prepared = store.prepare(&targets(names)).await?;
        let written = prepared.write(&session(tag)).await?;
        prepared.settle().await?;
        Ok(written)
    })
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The names in a directory, without the lock.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != "credentials.lock").collect();
    names.sort();
    names
}
