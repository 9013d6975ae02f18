//! The parsers themselves: each reads all files in one go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::{section::EnvConfigSections, source};
use aws_types::os_shim_internal::{Env, Fs};
use serde_json::{Map, Value};

/// What a parser finds in a file: its profiles with their keys. `None`: it refuses the whole file.
pub(super) type Reading = Option<BTreeMap<String, Map<String, Value>>>;

/// A parser of credentials files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reader {
    Botocore,
    JavaScript,
    Rust,
}

impl Reader {
    pub(super) const ALL: [Self; 3] = [Self::Botocore, Self::JavaScript, Self::Rust];

    /// What it reads in each file; `None`, and said so, where it is not installed.
    pub(super) fn read(self, files: &[PathBuf]) -> Option<Vec<Reading>> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/file/differential");
        let list = tempfile::NamedTempFile::new().unwrap();
        let lines: String = files.iter().flat_map(|file| [file.to_str().unwrap(), "\n"]).collect();
        std::fs::write(list.path(), lines).unwrap();
        let readings = match self {
            Self::Rust => return Some(read_in_process(files)),
            Self::Botocore => {
                let mut python = Command::new(installed("STSD_TEST_PYTHON")?);
                printed(python.arg(scripts.join("read_botocore.py")).arg(list.path()))
            }
            Self::JavaScript => {
                let modules = installed("STSD_TEST_NODE_MODULES")?;
                let mut node = Command::new("node");
                printed(node.arg(scripts.join("read_smithy.js")).arg(modules).arg(list.path()))
            }
        };
        assert_eq!(readings.len(), files.len(), "{self:?} has not read all files");
        Some(readings)
    }
}

/// The path that a variable names; `None`, and said so, where it names none.
pub(super) fn installed(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    if path.is_none() {
        stsd_test_support::not_run(&format!("{variable} names no parser, which tests/run would install"));
    }
    path
}

fn printed(command: &mut Command) -> Vec<Reading> {
    let ran = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    assert!(ran.status.success(), "{command:?}: {}", ran.status);
    String::from_utf8(ran.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn read_in_process(files: &[PathBuf]) -> Vec<Reading> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    files.iter().map(|file| runtime.block_on(read_with_the_rust_sdk(file))).collect()
}

async fn read_with_the_rust_sdk(path: &Path) -> Reading {
    let files = EnvConfigFiles::builder().with_file(EnvConfigFileKind::Credentials, path).build();
    let source = source::load(&Env::from_slice(&[]), &Fs::real(), &files).await.unwrap();
    let sections = EnvConfigSections::parse(source).ok()?;
    // A profile does not tell its keys: it is asked for whatever stands to the left of something.
    let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    let sides = text.lines().flat_map(|line| ['=', ':'].map(|separator| line.split(separator).next()));
    let keys: BTreeSet<String> = sides.flatten().map(|key| key.trim().to_lowercase()).collect();
    let profile = |name: &str| {
        let profile = sections.get_profile(name).unwrap();
        let found = keys.iter().filter_map(|key| Some((key.clone(), Value::from(profile.get(key)?))));
        (name.to_owned(), found.collect())
    };
    Some(sections.profiles().map(profile).collect())
}
