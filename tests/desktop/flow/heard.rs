//! What is said on a desktop's bus between those who show notices and those who have them shown.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use zbus::blocking::MessageIterator;
use zbus::message::{Body, Type};

use crate::bus::Desktop;
use crate::display::NOTIFICATIONS;

/// How long a notice may let wait for itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// A notice that a server was asked to show.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) summary: String,
    pub(super) body: String,
    /// Keys and labels in turn.
    pub(super) actions: Vec<String>,
}

/// Somebody who listens.
pub(super) struct Heard {
    notices: Receiver<Told>,
    keys: Receiver<String>,
    closed: Receiver<()>,
}

impl Heard {
    /// Hears all from now on.
    pub(super) fn on(desktop: &Desktop) -> Self {
        let connection = desktop.connect();
        let messages = MessageIterator::from(&connection);
        let rules = vec![format!("interface='{NOTIFICATIONS}'")];
        let (bus, monitoring) = ("org.freedesktop.DBus", "org.freedesktop.DBus.Monitoring");
        connection
            .call_method(
                Some(bus),
                "/org/freedesktop/DBus",
                Some(monitoring),
                "BecomeMonitor",
                &(rules, 0_u32),
            )
            .unwrap();
        let ((tell_notice, notices), (tell_key, keys), (tell_closed, closed)) =
            (channel(), channel(), channel());
        std::thread::spawn(move || {
            for message in messages.flatten() {
                let header = message.header();
                let member = header.member().map(ToString::to_string).unwrap_or_default();
                let nobody_listens = match (header.message_type(), member.as_str()) {
                    (Type::MethodCall, "Notify") => tell_notice.send(told(&message.body())).is_err(),
                    (Type::Signal, "ActionInvoked") => {
                        let (_id, key): (u32, String) = message.body().deserialize().unwrap();
                        tell_key.send(key).is_err()
                    }
                    (Type::Signal, "NotificationClosed") => tell_closed.send(()).is_err(),
                    _ => false,
                };
                if nobody_listens {
                    return;
                }
            }
        });
        Self { notices, keys, closed }
    }

    /// The next notice.
    #[track_caller]
    pub(super) fn notice(&self) -> Told {
        self.notices.recv_timeout(PATIENCE).expect("no notice")
    }

    /// The next notice whose summary begins so; those before it are passed over.
    #[track_caller]
    pub(super) fn notice_of(&self, beginning: &str) -> Told {
        let end = Instant::now() + PATIENCE;
        let mut passed = Vec::new();
        while let Ok(told) = self.notices.recv_timeout(end - Instant::now().min(end)) {
            if told.summary.starts_with(beginning) {
                return told;
            }
            passed.push(told);
        }
        panic!("no notice {beginning:?} after {passed:?}");
    }

    /// True if a server tells soon after this happened that a bubble went.
    pub(super) fn is_closed_by(&self, happened: impl FnOnce()) -> bool {
        while self.closed.try_recv().is_ok() {}
        happened();
        let closed = self.closed.recv_timeout(Duration::from_millis(300)).is_ok();
        // Of mate-notification-daemon, what was clicked too, although nothing was offered.
        while self.keys.try_recv().is_ok() {}
        closed
    }

    /// The key of the next click that a server tells of, if there is one soon.
    pub(super) fn key(&self) -> Option<String> {
        self.keys.recv_timeout(Duration::from_millis(300)).ok()
    }

    /// No notice comes for so long.
    #[track_caller]
    pub(super) fn assert_quiet(&self, time: Duration) {
        if let Ok(told) = self.notices.recv_timeout(time) {
            panic!("{told:?}");
        }
    }
}

/// The arguments of `Notify` that a person sees.
fn told(body: &Body) -> Told {
    type Hints = std::collections::HashMap<String, zbus::zvariant::OwnedValue>;
    let (_app, _replaces, _icon, summary, body, actions, _hints, _expires): (
        String,
        u32,
        String,
        String,
        String,
        Vec<String>,
        Hints,
        i32,
    ) = body.deserialize().unwrap();
    Told { summary, body, actions }
}
