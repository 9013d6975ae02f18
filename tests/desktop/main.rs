//! stsd on a real desktop: a private session bus and a real keyring daemon, both thrown away with the test.
//!
//! Each test starts the desktop that it needs, in the state that it needs, so none depends on another and none sees
//! the desktop of the person at this machine. Since that takes programs that not every machine has, they run only
//! under `tests/run`, which installs them and sets `STSD_TEST_DESKTOP=1`.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod bus;
mod display;
mod keychain;
mod memory;
mod notices;

use std::io::Write as _;
use std::sync::Once;

const REASON: &str = "needs the private desktop of tests/run";

/// False, and said so, where there is no desktop for tests.
fn has_desktop() -> bool {
    static COUNTED: Once = Once::new();
    if std::env::var_os("STSD_TEST_DESKTOP").is_some_and(|value| value == "1") {
        return true;
    }
    COUNTED.call_once(|| stsd_test_support::not_run(REASON));
    false
}

/// Prints a line although the test passes: the harness only holds back what goes through `println!`.
fn say(line: &str) {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{line}").unwrap();
}
