//! All wording that the desktop shows.

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};

use super::profile::ProfileName;

/// How much a notice wants to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// It may fade.
    Normal,
    /// The desktop shows it above others.
    Critical,
}

/// What the desktop shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The profiles that it is about, in the order of the configuration; never empty.
    pub profiles: Vec<ProfileName>,
    /// One line.
    pub summary: String,
    /// What to do. Plain text: no markup.
    pub body: String,
    /// How much it wants to be seen.
    pub urgency: Urgency,
    /// True if it stays until it is replaced or dismissed.
    pub stays: bool,
}

/// What is to be told about a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The profiles whose sessions end together.
    pub profiles: Vec<ProfileName>,
    /// When they end.
    pub expires_at: DateTime<Utc>,
    /// True at the last lead and at the expiry.
    pub pressing: bool,
}

/// The notice for a session that ends soon or has ended, as it is at `now`; `local` is the end as the user's clock
/// shows it.
#[must_use]
pub fn expiry(due: &Due, now: DateTime<Utc>, local: DateTime<FixedOffset>) -> Notice {
    let names: Vec<_> = due.profiles.iter().map(ProfileName::as_str).collect();
    let who = names.join(", ");
    let several = names.len() > 1;
    let left = due.expires_at - now;
    let at = local.format("%H:%M");
    let expired = left <= TimeDelta::zero();
    let summary = match (expired, several) {
        (true, false) => format!("{who} has expired ({at})"),
        (true, true) => format!("{who} have expired ({at})"),
        (false, false) => format!("{who} expires in {} ({at})", words(left)),
        (false, true) => format!("{who} expire in {} ({at})", words(left)),
    };
    Notice {
        body: format!("Run: stsd refresh {}", names.join(" ")),
        profiles: due.profiles.clone(),
        summary,
        urgency: if due.pressing { Urgency::Critical } else { Urgency::Normal },
        stays: expired,
    }
}

/// "30 minutes", "1 hour 20 minutes", "40 seconds"; minutes are rounded to the nearest.
fn words(left: TimeDelta) -> String {
    let counted = |count: i64, unit: &str| match count {
        1 => format!("1 {unit}"),
        _ => format!("{count} {unit}s"),
    };
    if left < TimeDelta::seconds(90) {
        // A lead of five seconds is told a moment after it has come.
        return counted(((left.num_milliseconds() + 500) / 1000).max(1), "second");
    }
    let minutes = (left.num_seconds() + 30) / 60;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => counted(minutes, "minute"),
        (hours, 0) => counted(hours, "hour"),
        (hours, minutes) => format!("{} {}", counted(hours, "hour"), counted(minutes, "minute")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_says_who_how_long_until_when_and_what_to_run() {
        let end: DateTime<Utc> = "2026-11-21T13:02:00Z".parse().unwrap();
        let offset = FixedOffset::east_opt(3600).unwrap();
        let check = |names: &[&str], seconds: i64, summary: &str| {
            let profiles = names.iter().map(|name| ProfileName::parse(name).unwrap()).collect();
            let due = Due { profiles, expires_at: end, pressing: seconds <= 300 };
            let notice = expiry(&due, end - TimeDelta::seconds(seconds), end.with_timezone(&offset));
            assert_eq!(notice.summary, summary);
            assert_eq!(notice.body, format!("Run: stsd refresh {}", names.join(" ")));
            assert_eq!(notice.stays, seconds <= 0);
            assert_eq!(notice.urgency == Urgency::Critical, seconds <= 300);
        };
        check(&["work"], 1800, "work expires in 30 minutes (14:02)");
        check(&["work"], 1799, "work expires in 30 minutes (14:02)");
        check(&["work"], 300, "work expires in 5 minutes (14:02)");
        check(&["work", "ci"], 1380, "work, ci expire in 23 minutes (14:02)");
        check(&["work"], 4800, "work expires in 1 hour 20 minutes (14:02)");
        check(&["work"], 7200, "work expires in 2 hours (14:02)");
        check(&["work"], 40, "work expires in 40 seconds (14:02)");
        check(&["work"], 0, "work has expired (14:02)");
        check(&["work", "ci"], -3600, "work, ci have expired (14:02)");
    }
}
