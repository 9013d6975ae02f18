//! What the messages of one connection mean, in the order in which the bus sent them.
//!
//! The order is why answers to `Notify` are read here too, and not where they are waited for: a click may come right
//! behind the answer that first tells its bubble's number, and even before it. Until the answer is there, what a server says of
//! numbers unknown is kept.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::Arc;

use tokio::sync::oneshot;
use zbus::message::{Message, Type};
use zbus::names::OwnedUniqueName;

use super::happenings::Happenings;
use super::{BUS, NOTIFICATIONS};
use crate::domain::notice::Offer;
use crate::ports::notifier::{Bubble, Happening};

/// So much about bubbles unknown is kept while a notice is being shown. On a desktop it is about other programs'.
const EARLY: usize = 1024;
/// So many bubbles are remembered after their end, for clicks that are told of late.
const ENDED: usize = 64;

/// What happens to a bubble on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Clicked(Offer),
    Closed,
}

/// A bubble of ours on the server.
#[derive(Debug)]
struct Ours {
    bubble: Bubble,
    /// It was not told that it is gone.
    up: bool,
    /// We have taken it off.
    withdrawn: bool,
}

/// A notice that the server has not yet answered.
#[derive(Debug)]
struct Asked {
    replaces: Option<u32>,
    answer: oneshot::Sender<zbus::Result<Bubble>>,
}

/// What one connection has heard of the server of the moment.
#[derive(Debug)]
pub(super) struct Heard {
    server: Option<OwnedUniqueName>,
    /// By the server's own numbers.
    ours: BTreeMap<u32, Ours>,
    /// By the serial number of the call.
    asked: BTreeMap<NonZeroU32, Asked>,
    early: VecDeque<(u32, Signal)>,
    happenings: Arc<Happenings>,
}

impl Heard {
    pub(super) fn new(happenings: Arc<Happenings>) -> Self {
        Self {
            server: None,
            ours: BTreeMap::new(),
            asked: BTreeMap::new(),
            early: VecDeque::new(),
            happenings,
        }
    }

    /// From now on this server counts, and no other.
    pub(super) fn serve(&mut self, server: &OwnedUniqueName) {
        if self.server.as_ref() != Some(server) {
            self.gone();
            self.server = Some(server.clone());
        }
    }

    /// The server is gone, and what it showed with it.
    pub(super) fn gone(&mut self) {
        self.server = None;
        // Whoever waits for an answer hears that there is none.
        self.asked.clear();
        self.early.clear();
        let any_up = self.ours.values().any(|ours| ours.up);
        self.ours.clear();
        if any_up {
            self.happenings.push(Happening::ServerGone);
        }
    }

    /// The server's number of a bubble that is on the screen.
    pub(super) fn number(&self, bubble: Bubble) -> Option<u32> {
        let found = self.ours.iter().find(|(_number, ours)| ours.bubble == bubble && ours.up);
        found.map(|(number, _ours)| *number)
    }

    /// As [`Self::number`], of a bubble that is about to be taken off: its end is no news any more.
    pub(super) fn withdraw(&mut self, bubble: Bubble) -> Option<u32> {
        let number = self.number(bubble)?;
        self.ours.get_mut(&number)?.withdrawn = true;
        Some(number)
    }

    /// A notice is about to be sent in the call of this number.
    pub(super) fn ask(
        &mut self,
        call: NonZeroU32,
        replaces: Option<u32>,
        answer: oneshot::Sender<zbus::Result<Bubble>>,
    ) {
        self.asked.insert(call, Asked { replaces, answer });
    }

    /// That notice was not sent.
    pub(super) fn not_sent(&mut self, call: NonZeroU32) {
        self.asked.remove(&call);
        self.forget_early();
    }

    /// Takes in a message. What it returns is the number of a bubble that nobody waits for any more.
    pub(super) fn hear(&mut self, message: &Message) -> Option<u32> {
        let header = message.header();
        // The bus itself writes the sender, so nobody can pretend to be another.
        let sender = header.sender()?.as_str();
        let from_server = self.server.as_ref().is_some_and(|server| server.as_str() == sender);
        match message.message_type() {
            Type::Signal if from_server => self.heard_of(signal(message)?),
            Type::Signal if sender == BUS => {
                let (name, old, _new) = owner_changed(message)?;
                let was_the_server = self.server.as_ref().is_some_and(|server| server.as_str() == old);
                if name == NOTIFICATIONS && was_the_server {
                    self.gone();
                }
            }
            Type::MethodReturn if from_server => {
                let asked = self.asked.remove(&header.reply_serial()?)?;
                return match message.body().deserialize::<u32>() {
                    Ok(number) => self.shown(number, asked),
                    Err(error) => self.not_shown(asked, error),
                };
            }
            Type::Error if from_server || sender == BUS => {
                let asked = self.asked.remove(&header.reply_serial()?)?;
                return self.not_shown(asked, message.clone().into());
            }
            Type::Signal | Type::MethodReturn | Type::Error | Type::MethodCall => {}
        }
        None
    }

    fn heard_of(&mut self, (number, signal): (u32, Signal)) {
        let Some(ours) = self.ours.get_mut(&number) else {
            if !self.asked.is_empty() {
                if self.early.len() == EARLY {
                    tracing::warn!("the notification server tells of too many bubbles that are not ours");
                    self.early.pop_front();
                }
                self.early.push_back((number, signal));
            }
            return;
        };
        match signal {
            Signal::Clicked(offer) => self.happenings.push(Happening::Clicked(ours.bubble, offer)),
            Signal::Closed if ours.up => {
                ours.up = false;
                if !ours.withdrawn {
                    self.happenings.push(Happening::Closed(ours.bubble));
                }
            }
            Signal::Closed => {}
        }
    }

    fn shown(&mut self, number: u32, Asked { replaces, answer }: Asked) -> Option<u32> {
        let replaced = replaces == Some(number);
        let same = self.ours.get(&number).filter(|ours| replaced && ours.up).map(|ours| ours.bubble);
        let bubble = same.unwrap_or_else(|| self.happenings.fresh_bubble());
        self.ours.insert(number, Ours { bubble, up: true, withdrawn: false });
        // A server that gave another number has taken the one before off, or will not tell of it any more.
        if let Some(replaces) = replaces.filter(|_number| !replaced)
            && let Some(before) = self.ours.get_mut(&replaces)
        {
            before.up = false;
        }
        self.forget_ended();
        let (early, others) = self.early.drain(..).partition(|(of, _signal)| *of == number);
        self.early = others;
        let early: VecDeque<_> = early;
        for one in early {
            self.heard_of(one);
        }
        self.forget_early();
        let awaited = answer.send(Ok(bubble)).is_ok();
        if awaited || same.is_some() {
            return None;
        }
        self.withdraw(bubble)
    }

    fn not_shown(&mut self, asked: Asked, error: zbus::Error) -> Option<u32> {
        self.forget_early();
        // Nobody waits for it: the call had been given up.
        drop(asked.answer.send(Err(error)));
        None
    }

    /// Once no answer is awaited, a number that is not ours never will be.
    fn forget_early(&mut self) {
        if self.asked.is_empty() {
            self.early.clear();
        }
    }

    fn forget_ended(&mut self) {
        let ended = |(_, ours): &(&u32, &Ours)| !ours.up;
        if self.ours.iter().filter(ended).count() > ENDED {
            let oldest = self.ours.iter().filter(ended).min_by_key(|(_number, ours)| ours.bubble);
            if let Some(number) = oldest.map(|(number, _ours)| *number) {
                self.ours.remove(&number);
            }
        }
    }
}

/// What a signal of the server says of a bubble; `None` for what means nothing to us.
fn signal(message: &Message) -> Option<(u32, Signal)> {
    let header = message.header();
    if header.interface()?.as_str() != NOTIFICATIONS {
        return None;
    }
    let body = message.body();
    match header.member()?.as_str() {
        "ActionInvoked" => {
            let (number, key): (u32, &str) = body.deserialize().ok()?;
            Some((number, Signal::Clicked(super::action::offer(key)?)))
        }
        "NotificationClosed" => {
            let (number, _reason): (u32, u32) = body.deserialize().ok()?;
            Some((number, Signal::Closed))
        }
        _other => None,
    }
}

/// A name, who had it, and who has it now.
fn owner_changed(message: &Message) -> Option<(String, String, String)> {
    let header = message.header();
    if header.interface()?.as_str() != BUS || header.member()?.as_str() != "NameOwnerChanged" {
        return None;
    }
    message.body().deserialize().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::notifier::PATH;
    use std::task::{Context, Poll, Waker};

    const SERVER: &str = ":1.5";

    struct Stage {
        heard: Heard,
        happenings: Arc<Happenings>,
    }

    impl Stage {
        fn new() -> Self {
            let happenings = Arc::<Happenings>::default();
            let mut heard = Heard::new(Arc::clone(&happenings));
            heard.serve(&OwnedUniqueName::try_from(SERVER).unwrap());
            Self { heard, happenings }
        }

        /// Sends a notice; its answer is still to come.
        fn ask(&mut self, replaces: Option<u32>) -> (Message, oneshot::Receiver<zbus::Result<Bubble>>) {
            let call = Message::method_call(PATH, "Notify").unwrap().sender(":1.9").unwrap();
            let call = call.build(&()).unwrap();
            let (sender, answer) = oneshot::channel();
            self.heard.ask(call.primary_header().serial_num(), replaces, sender);
            (call, answer)
        }

        fn answer(&mut self, call: &Message, number: u32) -> Option<u32> {
            let answer = Message::method_return(&call.header()).unwrap().sender(SERVER).unwrap();
            self.heard.hear(&answer.build(&number).unwrap())
        }

        fn show(&mut self, replaces: Option<u32>, number: u32) -> Bubble {
            let (call, mut answer) = self.ask(replaces);
            assert_eq!(self.answer(&call, number), None);
            answer.try_recv().unwrap().unwrap()
        }

        fn close(&mut self, number: u32) {
            let signal = Message::signal(PATH, NOTIFICATIONS, "NotificationClosed").unwrap();
            let signal = signal.sender(SERVER).unwrap().build(&(number, 2_u32)).unwrap();
            assert_eq!(self.heard.hear(&signal), None);
        }

        fn click(&mut self, number: u32) {
            let signal = Message::signal(PATH, NOTIFICATIONS, "ActionInvoked").unwrap();
            let signal = signal.sender(SERVER).unwrap().build(&(number, "snooze")).unwrap();
            assert_eq!(self.heard.hear(&signal), None);
        }

        fn happened(&self) -> Vec<Happening> {
            let now = || {
                let next = std::pin::pin!(self.happenings.next());
                match next.poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(happening) => Some(happening),
                    Poll::Pending => None,
                }
            };
            std::iter::from_fn(now).collect()
        }
    }

    #[test]
    fn a_bubble_that_is_closed_while_it_is_replaced_is_another_one_afterwards() {
        let mut stage = Stage::new();
        let first = stage.show(None, 7);
        assert_eq!(stage.show(Some(7), 7), first, "replaced in place");
        let (call, mut answer) = stage.ask(Some(7));
        stage.close(7);
        assert_eq!(stage.answer(&call, 7), None);
        let second = answer.try_recv().unwrap().unwrap();
        assert_ne!(second, first);
        stage.close(7);
        assert_eq!(stage.happened(), [Happening::Closed(first), Happening::Closed(second)]);
    }

    #[test]
    fn a_bubble_that_was_replaced_under_another_number_is_gone() {
        let mut stage = Stage::new();
        let first = stage.show(None, 7);
        let second = stage.show(Some(7), 8);
        assert_eq!((stage.heard.number(first), stage.heard.number(second)), (None, Some(8)));
    }

    #[test]
    fn an_answer_that_comes_too_late_leaves_a_bubble_to_be_closed_but_not_one_that_was_there_before() {
        let mut stage = Stage::new();
        let (call, answer) = stage.ask(None);
        drop(answer);
        assert_eq!(stage.answer(&call, 7), Some(7));
        stage.close(7);
        assert_eq!(stage.happened(), []);
        let bubble = stage.show(None, 8);
        let (call, answer) = stage.ask(Some(8));
        drop(answer);
        assert_eq!(stage.answer(&call, 8), None);
        assert_eq!(stage.heard.number(bubble), Some(8));
    }

    #[test]
    fn what_is_kept_of_foreign_and_of_ended_bubbles_has_a_bound() {
        let mut stage = Stage::new();
        let (call, _answer) = stage.ask(None);
        for number in 0..10_000 {
            stage.click(number);
        }
        assert_eq!(stage.heard.early.len(), EARLY);
        stage.answer(&call, 20_000);
        assert_eq!(stage.heard.early.len(), 0, "no answer is awaited any more");
        for number in 0..1000 {
            stage.show(None, number);
            stage.close(number);
        }
        assert!(stage.heard.ours.len() <= ENDED + 2, "{}", stage.heard.ours.len());
        stage.happened();
        stage.click(999);
        stage.click(20_000);
        stage.click(0);
        assert_eq!(stage.happened().len(), 2, "the last one that ended, and the one that is up");
    }

    #[test]
    fn an_answer_from_another_than_the_server_is_none() {
        let mut stage = Stage::new();
        let (call, mut answer) = stage.ask(None);
        let forged = Message::method_return(&call.header()).unwrap().sender(":1.66").unwrap();
        assert_eq!(stage.heard.hear(&forged.build(&7_u32).unwrap()), None);
        assert!(answer.try_recv().is_err());
        assert_eq!(stage.answer(&call, 8), None);
        assert_eq!(answer.try_recv().unwrap().unwrap(), Bubble(1));
    }

    #[test]
    fn who_waits_for_an_answer_hears_that_the_server_went() {
        let mut stage = Stage::new();
        let (_call, mut answer) = stage.ask(None);
        stage.heard.gone();
        assert_eq!(answer.try_recv().unwrap_err(), oneshot::error::TryRecvError::Closed);
        assert_eq!(stage.happened(), [], "no bubble was there");
    }
}
