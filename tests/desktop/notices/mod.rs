//! Notices: what a server is asked for, every way in which it can be absent, what real ones draw, and that every click
//! arrives.

mod absent;
mod asked;
mod buttons;
mod clicks;
mod drawn;
mod gone;
mod idle;
pub(crate) mod recorder;

use std::time::Duration;

use stsd::adapters::notifier::DesktopNotifier;
use stsd::domain::notice::{Notice, Offer, Urgency};
use stsd::domain::profile::ProfileName;
use stsd::ports::notifier::{Happening, Notifier as _};

use crate::bus::Desktop;

const ACTIONS: &[&str] = &["actions", "body"];

fn notifier(desktop: &Desktop) -> DesktopNotifier {
    DesktopNotifier::on_bus(desktop.address())
}

/// What happens next to a notice, which it does soon.
async fn next(notifier: &DesktopNotifier) -> Happening {
    tokio::time::timeout(Duration::from_secs(10), notifier.next()).await.expect("nothing happened")
}

/// Nothing happens: all that was on its way before this has come.
async fn assert_quiet(notifier: &DesktopNotifier) {
    let answer = tokio::time::timeout(Duration::from_millis(300), notifier.next()).await;
    assert!(answer.is_err(), "{answer:?}");
}

/// A notice that may fade.
fn notice(summary: &str) -> Notice {
    Notice {
        profiles: vec![ProfileName::parse("work").unwrap()],
        summary: summary.to_owned(),
        body: "Click to enter the MFA code".to_owned(),
        unclickable_body: "run: stsd refresh work".to_owned(),
        offers: vec![Offer::EnterCode, Offer::Snooze],
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
