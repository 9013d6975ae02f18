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

/// What a notice lets its user do with a click.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Offer {
    /// To be asked for an MFA code now. A click on the notice itself means the same.
    EnterCode,
    /// To be told again in ten minutes.
    Snooze,
}

impl Offer {
    /// What its button says.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::EnterCode => "Enter code",
            Self::Snooze => "Snooze 10 min",
        }
    }
}

/// What the desktop shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The profiles that it is about, in the order of the configuration; never empty.
    pub profiles: Vec<ProfileName>,
    /// One line.
    pub summary: String,
    /// What a click does, for a desktop that tells of clicks. Plain text: no markup.
    pub body: String,
    /// What to do where nothing can be clicked. Plain text: no markup.
    pub unclickable_body: String,
    /// What can be clicked, in the order of the buttons; maybe nothing.
    pub offers: Vec<Offer>,
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
    /// True if it may be put off. Whoever says so takes care that another notice comes before the end.
    pub snooze: bool,
    /// True if a dialog can ask for the code.
    pub code: bool,
}

/// The notice for a session that ends soon or has ended, as it is at `now`; `local` is the end as the user's clock
/// shows it.
#[must_use]
pub fn expiry(due: &Due, now: DateTime<Utc>, local: DateTime<FixedOffset>) -> Notice {
    let several = due.profiles.len() > 1;
    let who = listed(&due.profiles, ", ");
    let left = due.expires_at - now;
    let at = local.format("%H:%M");
    let expired = left <= TimeDelta::zero();
    let summary = match (expired, several) {
        (true, false) => format!("{who} has expired ({at})"),
        (true, true) => format!("{who} have expired ({at})"),
        (false, false) => format!("{who} expires in {} ({at})", words(left)),
        (false, true) => format!("{who} expire in {} ({at})", words(left)),
    };
    let offers = [(Offer::EnterCode, due.code), (Offer::Snooze, due.snooze)];
    Notice {
        profiles: due.profiles.clone(),
        summary,
        body: what_to_do(&due.profiles, due.code),
        unclickable_body: command(&due.profiles),
        offers: offers.into_iter().filter_map(|(offer, made)| made.then_some(offer)).collect(),
        urgency: if due.pressing { Urgency::Critical } else { Urgency::Normal },
        stays: expired,
    }
}

/// The notice that sessions have been renewed; `until` is their end as the user's clock shows it.
#[must_use]
pub fn renewed(profiles: &[ProfileName], until: DateTime<FixedOffset>) -> Notice {
    Notice {
        profiles: profiles.to_vec(),
        summary: format!("{} renewed until {}", listed(profiles, ", "), until.format("%H:%M")),
        body: String::new(),
        unclickable_body: String::new(),
        offers: Vec::new(),
        urgency: Urgency::Normal,
        stays: false,
    }
}

/// The notice that a click renewed nothing. Of `reason` the first line is shown; `code` is true if a dialog can ask again.
#[must_use]
pub fn not_renewed(profiles: &[ProfileName], reason: &str, code: bool) -> Notice {
    let reason = reason.lines().next().unwrap_or_default();
    Notice {
        profiles: profiles.to_vec(),
        summary: format!("{} not renewed: {reason}", listed(profiles, ", ")),
        body: what_to_do(profiles, code),
        unclickable_body: command(profiles),
        offers: if code { vec![Offer::EnterCode] } else { Vec::new() },
        urgency: Urgency::Critical,
        stays: true,
    }
}

/// What a click on the notice does, if it does anything, and what does the same in a terminal: some desktops take a
/// click for a dismissal.
fn what_to_do(profiles: &[ProfileName], code: bool) -> String {
    if code { format!("Click to enter the MFA code, or {}", command(profiles)) } else { command(profiles) }
}

fn command(profiles: &[ProfileName]) -> String {
    format!("run: stsd refresh {}", listed(profiles, " "))
}

fn listed(profiles: &[ProfileName], between: &str) -> String {
    let names: Vec<_> = profiles.iter().map(ProfileName::as_str).collect();
    names.join(between)
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

    fn names(names: &[&str]) -> Vec<ProfileName> {
        names.iter().map(|name| ProfileName::parse(name).unwrap()).collect()
    }

    fn end() -> DateTime<FixedOffset> {
        "2026-11-21T14:02:00+01:00".parse().unwrap()
    }

    #[test]
    fn a_notice_says_who_how_long_until_when_and_what_to_do() {
        let check = |who: &[&str], seconds: i64, summary: &str| {
            let profiles = names(who);
            let due = Due {
                profiles,
                expires_at: end().to_utc(),
                pressing: seconds <= 300,
                snooze: seconds > 300,
                code: true,
            };
            let notice = expiry(&due, due.expires_at - TimeDelta::seconds(seconds), end());
            assert_eq!(notice.summary, summary);
            let command = format!("run: stsd refresh {}", who.join(" "));
            assert_eq!(notice.body, format!("Click to enter the MFA code, or {command}"));
            assert_eq!(notice.unclickable_body, command);
            assert_eq!(notice.stays, seconds <= 0);
            assert_eq!(notice.urgency == Urgency::Critical, seconds <= 300);
            let offers: &[Offer] =
                if due.snooze { &[Offer::EnterCode, Offer::Snooze] } else { &[Offer::EnterCode] };
            assert_eq!(notice.offers, offers);
            let silent = expiry(&Due { code: false, ..due.clone() }, due.expires_at, end());
            assert_eq!(
                (silent.body.as_str(), silent.offers.contains(&Offer::EnterCode)),
                (command.as_str(), false)
            );
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

    #[test]
    fn what_was_renewed_is_told_once_and_fades() {
        let notice = renewed(&names(&["work"]), end());
        assert_eq!(notice.summary, "work renewed until 14:02");
        assert_eq!((notice.body.as_str(), notice.unclickable_body.as_str()), ("", ""));
        assert_eq!((notice.urgency, notice.stays, notice.offers), (Urgency::Normal, false, vec![]));
        assert_eq!(renewed(&names(&["work", "ci"]), end()).summary, "work, ci renewed until 14:02");
    }

    #[test]
    fn what_was_not_renewed_says_why_stays_and_takes_another_code() {
        let notice = not_renewed(&names(&["work"]), "AWS refused the code\nand more", true);
        assert_eq!(notice.summary, "work not renewed: AWS refused the code");
        assert_eq!(notice.unclickable_body, "run: stsd refresh work");
        assert_eq!((notice.urgency, notice.stays), (Urgency::Critical, true));
        assert_eq!(notice.offers, [Offer::EnterCode]);
        let notice = not_renewed(&names(&["work"]), "no display", false);
        assert_eq!((notice.body.as_str(), notice.offers), ("run: stsd refresh work", vec![]));
    }

    #[test]
    fn the_button_that_takes_the_code_says_so_and_the_other_does_not() {
        assert_eq!(Offer::EnterCode.label(), "Enter code");
        assert_eq!(Offer::Snooze.label(), "Snooze 10 min");
    }
}
