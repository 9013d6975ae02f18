//! What others see of processes: the command line is for every user, the environment for every program of the same one.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// All that could be seen of the processes at home there while something happened: their command lines and their environments.
pub(crate) fn seen<T>(home: &Path, while_it: impl FnOnce() -> T) -> (T, Vec<String>) {
    let home = home.display().to_string();
    let home = home.trim_end_matches('/');
    let (over, mut looks) = (AtomicBool::new(false), Vec::new());
    let happened = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut all = Vec::new();
            while !over.load(Ordering::Relaxed) {
                for process in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
                    // Processes end while they are looked at.
                    let [line, variables] = ["cmdline", "environ"].map(|file| {
                        let bytes = fs::read(process.path().join(file)).unwrap_or_default();
                        String::from_utf8_lossy(&bytes).replace('\0', "\n")
                    });
                    let look = [line, "\n".to_owned(), variables].concat();
                    if look.contains(home) && !all.contains(&look) {
                        all.push(look);
                    }
                }
            }
            all
        });
        let happened = while_it();
        over.store(true, Ordering::Relaxed);
        looks = watcher.join().unwrap();
        happened
    });
    (happened, looks)
}

/// True if a code stands there, and not within something longer.
pub(crate) fn stands(text: &str, code: &str) -> bool {
    text.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word == code)
}
