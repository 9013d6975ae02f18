//! Notices: what a server is asked for, every way in which it can be absent, and what real ones draw.

mod absent;
mod asked;
mod drawn;
mod idle;
pub(crate) mod recorder;

use stsd::adapters::notifier::DesktopNotifier;
use stsd::domain::notice::{Notice, Urgency};
use stsd::domain::profile::ProfileName;

use crate::bus::Desktop;

fn notifier(desktop: &Desktop) -> DesktopNotifier {
    DesktopNotifier::on_bus(desktop.address())
}

/// A notice that may fade.
fn notice(summary: &str) -> Notice {
    Notice {
        profiles: vec![ProfileName::parse("work").unwrap()],
        summary: summary.to_owned(),
        body: "Run: stsd refresh work".to_owned(),
        urgency: Urgency::Normal,
        stays: false,
    }
}

/// A notice that wants to be seen, and stays.
fn pressing(summary: &str) -> Notice {
    Notice { urgency: Urgency::Critical, stays: true, ..notice(summary) }
}

/// In a runtime that has timers and nothing else: the notifier brings its own I/O.
fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test)
}
