//! What a search for copies of a key says of the files that it passed over.

use std::io::Write;
use std::sync::{Arc, Mutex};

use secrecy::SecretString;
use tracing_subscriber::layer::SubscriberExt as _;

use super::super::copies::find;
use super::super::target::LARGEST;
use super::*;
use crate::domain::keys::LongTermKey;

const ID: &str = "AKIAY34FZKBOKMUTVV7A";

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The names of the files in which the key was found, and the warnings.
fn search(path: &Path) -> (Vec<String>, Vec<String>) {
    let log = Log::default();
    let writer = log.clone();
    let lines =
        tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).with_ansi(false).without_time();
    let key = LongTermKey { id: AccessKeyId::parse(ID).unwrap(), secret: SecretString::from("s") };
    // On this thread, as the subscriber is.
    let found = tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
        find(path, Some(&path.with_file_name("config")), &key)
    });
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let said = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (found.into_iter().map(|copy| name(copy.path)).collect(), said.lines().map(str::to_owned).collect())
}

#[test]
fn files_beyond_the_two_hundredth_are_told() {
    let (root, path) = aws("[work]\n");
    for number in 0..200 {
        fs::write(root.path().join(format!("credentials.{number:03}")), ID).unwrap();
    }
    let (found, said) = search(&path);
    assert_eq!((found.len(), said.as_slice()), (200, [].as_slice()));
    for number in 200..203 {
        fs::write(root.path().join(format!("credentials.{number:03}")), ID).unwrap();
    }
    let (found, said) = search(&path);
    assert_eq!((found.len(), said.len()), (200, 1), "{said:?}");
    let expected = "too many files beside the credentials file: those from here on were not searched";
    assert!(said[0].contains("WARN") && said[0].contains(expected), "{said:?}");
    assert!(said[0].contains("credentials.200") && said[0].contains("files=3"), "{said:?}");
}

#[test]
fn a_file_that_is_too_large_is_told() {
    let (root, path) = aws("[work]\n");
    let sized = |name: &str, size: u64| {
        let mut file = fs::File::create(root.path().join(name)).unwrap();
        file.write_all(ID.as_bytes()).unwrap();
        file.set_len(size).unwrap();
    };
    sized("credentials.fits", LARGEST);
    sized("credentials.large", LARGEST + 1);
    sized("config", LARGEST + 1);
    let (found, mut said) = search(&path);
    assert_eq!(found, ["credentials.fits"]);
    said.sort();
    let [config, large] = said.as_slice() else { panic!("{said:?}") };
    for (line, name) in [(config, "/config "), (large, "/credentials.large ")] {
        let told =
            line.contains("WARN") && line.contains("larger than 16 MiB not searched for copies of the key");
        assert!(told && format!("{line} ").contains(name), "{line}");
    }
}
