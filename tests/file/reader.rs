//! A program that reads the credentials file all the time, as SDKs do at any moment.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks: the tests' programs need the processors too.
const NAP: Duration = Duration::from_micros(100);

/// It reads until it is told to stop, or finds what must not be.
pub(crate) struct Reader {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<usize, String>>,
}

impl Reader {
    /// Starts to read; `judge` says what is wrong with a content, `None` being no file.
    pub(crate) fn start(
        path: PathBuf,
        judge: impl Fn(Option<&[u8]>) -> Result<(), String> + Send + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut reads = 0;
            while !told.load(Ordering::Relaxed) {
                judge(read(&path)?.as_deref())?;
                reads += 1;
                std::thread::sleep(NAP);
            }
            Ok(reads)
        });
        Self { stop, thread }
    }

    /// Ends the reading. Gives the number of contents that were read, or what was wrong with one.
    pub(crate) fn finish(self) -> Result<usize, String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// The content, `None` if there is no file; nobody but its owner may be able to read it.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let mode = file.metadata().unwrap().mode() & 0o7777;
    if mode != 0o600 {
        return Err(format!("mode {mode:o}"));
    }
    let mut bytes = Vec::new();
    // The same file whose mode was looked at.
    BufReader::new(file).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(Some(bytes))
}
