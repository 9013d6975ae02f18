//! systemd's journal: each line is an entry whose fields can be searched, `journalctl --user STSD_PROFILE=work`.
//!
//! The crate tracing-journald leaves an event's fields out of its message, and the message is all that `journalctl`
//! shows: nobody would see which profile "session refreshed" was about. Here the message has them too.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Where the journal listens (systemd's documentation, "Native Journal Protocol").
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// How long an entry may wait for a journal that is busy; the daemon has other things to do.
const PATIENCE: Duration = Duration::from_millis(200);

/// The longest value of a field, in bytes: an entry must fit into one datagram, which the kernel takes up to 200 KiB of.
const LONGEST: usize = 8 * 1024;

/// The journal of this machine.
#[derive(Debug)]
pub(super) struct Journal {
    socket: UnixDatagram,
    path: PathBuf,
}

/// True if stderr is the journal itself, which systemd says of its services: a program that one of them starts may have
/// its stderr elsewhere and the variable all the same.
pub(super) fn takes_stderr() -> bool {
    let Ok(stderr) = rustix::fs::fstat(io::stderr()) else { return false };
    is_stream(std::env::var_os("JOURNAL_STREAM"), stderr.st_dev, stderr.st_ino)
}

/// True if `JOURNAL_STREAM` (systemd.exec(5)) names that device and inode.
fn is_stream(variable: Option<OsString>, device: u64, inode: u64) -> bool {
    variable.is_some_and(|stream| stream == OsString::from(format!("{device}:{inode}")))
}

impl Journal {
    /// The journal that listens at a path.
    ///
    /// It is not connected to: one that is started anew would be out of reach.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { socket, path: path.to_owned() })
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let entry = fields.entry(*event.metadata().level(), event.metadata().target());
        if self.socket.send_to(&entry, &self.path).is_err() {
            // The journal takes stderr by another way, and is asked to forgive the second line.
            drop(writeln!(io::stderr().lock(), "{}", fields.line()));
        }
    }
}

/// The fields of one event, in their order.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Fields {
    /// `session refreshed profile=work`.
    fn line(&self) -> String {
        let others = self.others.iter().map(|(name, value)| format!(" {name}={value}"));
        std::iter::once(self.message.clone()).chain(others).collect()
    }

    fn entry(&self, level: Level, target: &str) -> Vec<u8> {
        // syslog(3).
        let priority = match level {
            Level::ERROR => "3",
            Level::WARN => "4",
            Level::INFO => "6",
            Level::DEBUG | Level::TRACE => "7",
        };
        let mut entry = Vec::new();
        put(&mut entry, "MESSAGE", &self.line());
        put(&mut entry, "PRIORITY", priority);
        put(&mut entry, "SYSLOG_IDENTIFIER", "stsd");
        put(&mut entry, "STSD_TARGET", target);
        for (name, value) in &self.others {
            put(&mut entry, &format!("STSD_{}", name.to_ascii_uppercase().replace('.', "_")), value);
        }
        entry
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, format!("{value:?}"));
    }
}

impl Fields {
    fn take(&mut self, field: &Field, mut value: String) {
        value.truncate(value.floor_char_boundary(LONGEST));
        if field.name() == "message" {
            self.message = value;
        } else {
            self.others.push((field.name(), value));
        }
    }
}

/// Adds a field. Its length goes before a value that has line ends in it, or these would begin fields of their own.
fn put(entry: &mut Vec<u8>, name: &str, value: &str) {
    entry.extend(name.as_bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend(u64::try_from(value.len()).unwrap_or_default().to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend(value.as_bytes());
    entry.push(b'\n');
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// What the journal gets while `log` runs.
    fn entries(log: impl FnOnce()) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let server = UnixDatagram::bind(&path).unwrap();
        server.set_nonblocking(true).unwrap();
        let journal = Journal::at(&path).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(journal), log);
        let mut bytes = vec![0; 1024 * 1024];
        std::iter::from_fn(|| server.recv(&mut bytes).ok().map(|read| bytes[..read].to_vec()))
            .map(|entry| String::from_utf8_lossy(&entry).into_owned())
            .collect()
    }

    #[test]
    fn an_entry_has_its_fields_and_shows_them() {
        let found = entries(|| {
            tracing::warn!(profile = %"work", count = 3, "session refreshed");
            tracing::debug!("looked");
        });
        let target = module_path!();
        let warning = format!(
            "MESSAGE=session refreshed profile=work count=3\nPRIORITY=4\nSYSLOG_IDENTIFIER=stsd\n\
             STSD_TARGET={target}\nSTSD_PROFILE=work\nSTSD_COUNT=3\n"
        );
        let debug = format!("MESSAGE=looked\nPRIORITY=7\nSYSLOG_IDENTIFIER=stsd\nSTSD_TARGET={target}\n");
        assert_eq!(found, [warning, debug]);
    }

    #[test]
    fn a_value_begins_no_field_of_its_own() {
        let value = "a\nPRIORITY=0\nSTSD_PROFILE=other";
        let found = entries(|| tracing::info!(path = value, "seen"));
        let length = |text: &str| String::from_utf8(text.len().to_le_bytes().to_vec()).unwrap();
        let message = format!("seen path={value}");
        let expected = format!("MESSAGE\n{}{message}\nPRIORITY=6\n", length(&message));
        assert!(found[0].starts_with(&expected), "{found:?}");
        assert!(found[0].ends_with(&format!("STSD_PATH\n{}{value}\n", length(value))), "{found:?}");
    }

    #[test]
    fn no_secret_gets_into_an_entry() {
        let secret = SecretString::from("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        let found = entries(|| tracing::error!(?secret, "failed over {secret:?}"));
        assert!(!found[0].contains("wJalr") && found[0].contains("REDACTED"), "{found:?}");
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let found = entries(|| tracing::info!(value = "ü".repeat(100_000), "long"));
        assert!(found[0].len() < 3 * LONGEST && !found[0].contains('\u{fffd}'), "{}", found[0].len());
    }

    #[test]
    fn a_journal_that_has_gone_stops_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let gone = UnixDatagram::bind(&path).unwrap();
        let subscriber = tracing_subscriber::registry().with(Journal::at(&path).unwrap());
        drop(gone);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("said to nobody");
            std::fs::remove_file(&path).unwrap();
            let new = UnixDatagram::bind(&path).unwrap();
            new.set_nonblocking(true).unwrap();
            tracing::info!("said to the new one");
            assert!(new.recv(&mut [0; 1024]).unwrap() > 0);
        });
    }

    #[test]
    fn only_the_very_stream_is_the_journal() {
        let check = |variable: Option<&str>, expected: bool| {
            assert_eq!(is_stream(variable.map(OsString::from), 8, 1234), expected, "{variable:?}");
        };
        check(Some("8:1234"), true);
        for other in [None, Some(""), Some("8:1235"), Some("9:1234"), Some("08:1234"), Some("8:1234 ")] {
            check(other, false);
        }
    }
}
