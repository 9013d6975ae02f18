//! Offers as the server's actions: a key that comes back with the click, and the words on the button.

use crate::domain::notice::Offer;

/// The action of a click on the bubble itself. It has no words, since xfce4-notifyd (0.7) would draw a
/// button of them.
const DEFAULT: &str = "default";
const ENTER_CODE: &str = "enter-code";
const SNOOZE: &str = "snooze";

/// Keys and labels by turns, as `Notify` takes them.
pub(super) fn actions(offers: &[Offer]) -> Vec<&'static str> {
    let mut actions = Vec::new();
    if offers.contains(&Offer::EnterCode) {
        actions.extend([DEFAULT, ""]);
    }
    for offer in offers {
        let key = match offer {
            Offer::EnterCode => ENTER_CODE,
            Offer::Snooze => SNOOZE,
        };
        actions.extend([key, offer.label()]);
    }
    actions
}

/// The offer of an action.
pub(super) fn offer(key: &str) -> Option<Offer> {
    match key {
        DEFAULT | ENTER_CODE => Some(Offer::EnterCode),
        SNOOZE => Some(Offer::Snooze),
        _other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_on_the_bubble_means_the_code_where_that_is_offered() {
        assert_eq!(
            actions(&[Offer::EnterCode, Offer::Snooze]),
            ["default", "", "enter-code", "Enter code", "snooze", "Snooze 10 min"]
        );
        assert_eq!(actions(&[Offer::Snooze]), ["snooze", "Snooze 10 min"]);
        assert_eq!(actions(&[]), [""; 0]);
    }

    #[test]
    fn every_key_leads_back_to_its_offer() {
        for offered in [Offer::EnterCode, Offer::Snooze] {
            for pair in actions(&[offered]).chunks(2) {
                assert_eq!(offer(pair[0]), Some(offered));
            }
        }
        assert_eq!(offer("inline-reply"), None);
    }
}
