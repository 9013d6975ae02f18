//! One prompt for everybody who waits: who shares whose code.
//!
//! Whoever wants sessions is an errand; one code and what it brings is a flight. A wish boards the flight of its device
//! as long as the code is not spent; afterwards it shares the result if its profile is aboard, and else waits for the
//! flight after that. So a code is asked for once per device at a time, however many ask.

use std::collections::BTreeMap;

use super::endpoint::StsSite;
use super::keys::AccessKeyId;
use super::mfa::MfaSerial;
use super::profile::ProfileName;

/// Whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErrandId(pub u64);

/// One code and what it brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlightId(pub u64);

/// What a code is for: profiles for which all of this is the same share a code and a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The device that shows the code.
    pub serial: MfaSerial,
    /// The key that signs the call, where it is known.
    pub key: Option<AccessKeyId>,
    /// Where the call goes.
    pub site: StsSite,
    /// True if a person has the code; a seed or a command gives the others theirs, and they wait for nobody.
    pub person: bool,
}

impl Device {
    /// True if one code serves both, whoever has it.
    #[must_use]
    pub fn takes_codes_of(&self, other: &Self) -> bool {
        (&self.serial, &self.key, &self.site) == (&other.serial, &other.key, &other.site)
    }
}

/// A profile that is to get a session, with what its code is for; `None` if it takes none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The profile.
    pub profile: ProfileName,
    /// What its code is for.
    pub device: Option<Device>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Begin a refresh of the profiles aboard.
    Start(FlightId),
    /// Somebody else waits for a flight that has begun: if it is asking for a code, that errand's user can be asked too.
    Boarded(FlightId, ErrandId),
    /// What became of the profile is what became of this errand's wish.
    Landed(ErrandId, ProfileName),
    /// All wishes of the errand have landed.
    Done(ErrandId),
    /// Nobody waits for the flight any more, and its code is not on its way: it needs none.
    CallOff(FlightId),
}

#[derive(Clone, Debug)]
struct Flight {
    device: Option<Device>,
    passengers: Vec<(ErrandId, ProfileName)>,
    /// True once the code is in hand: nobody boards any more.
    away: bool,
}

impl Flight {
    fn carries(&self, profile: &ProfileName) -> bool {
        self.passengers.iter().any(|(_, other)| other == profile)
    }
}

/// All flights.
#[derive(Clone, Debug, Default)]
pub struct Flights {
    last: u64,
    open: BTreeMap<FlightId, Flight>,
    /// Wishes that came too late for the flight of their device.
    late: Vec<(ErrandId, Wish)>,
}

impl Flights {
    /// Takes an errand in. Its profiles are different ones.
    #[must_use]
    pub fn ask(&mut self, errand: ErrandId, wishes: Vec<Wish>) -> Vec<Effect> {
        self.board(wishes.into_iter().map(|wish| (errand, wish)).collect())
    }

    /// Who waits for which profile of a flight, in the order in which they boarded.
    #[must_use]
    pub fn passengers(&self, flight: FlightId) -> &[(ErrandId, ProfileName)] {
        self.open.get(&flight).map(|flight| flight.passengers.as_slice()).unwrap_or_default()
    }

    /// The errands that wait for a flight, each once, in the order in which they boarded.
    #[must_use]
    pub fn errands(&self, flight: FlightId) -> Vec<ErrandId> {
        let mut errands = Vec::new();
        for (errand, _) in self.passengers(flight) {
            if !errands.contains(errand) {
                errands.push(*errand);
            }
        }
        errands
    }

    /// True while nobody waits for anything.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.open.is_empty() && self.late.is_empty()
    }

    /// The code is in hand: those aboard share it, nobody else.
    pub fn take_off(&mut self, flight: FlightId) {
        if let Some(flight) = self.open.get_mut(&flight) {
            flight.away = true;
        }
    }

    /// The code was refused: the flight waits for another one, and whoever came too late for the first boards now.
    #[must_use]
    pub fn return_to_gate(&mut self, flight: FlightId) -> Vec<Effect> {
        let Some(returned) = self.open.get_mut(&flight) else { return Vec::new() };
        returned.away = false;
        let late = std::mem::take(&mut self.late);
        let effects = self.board(late);
        let empty = self.open.get(&flight).is_some_and(|flight| flight.passengers.is_empty());
        if empty {
            // All who waited have gone meanwhile.
            self.open.remove(&flight);
            return effects.into_iter().chain([Effect::CallOff(flight)]).collect();
        }
        effects
    }

    /// The flight has ended, and `served` are the profiles of which it is known what became of them. Others that were
    /// aboard turned out to need a code of their own.
    #[must_use]
    pub fn land(&mut self, flight: FlightId, served: &[ProfileName]) -> Vec<Effect> {
        let Some(Flight { device, passengers, away: _ }) = self.open.remove(&flight) else {
            return Vec::new();
        };
        let (landed, left): (Vec<_>, Vec<_>) =
            passengers.into_iter().partition(|(_, profile)| served.contains(profile));
        let left =
            left.into_iter().map(|(errand, profile)| (errand, Wish { profile, device: device.clone() }));
        let waiting = left.chain(std::mem::take(&mut self.late)).collect();
        let mut effects = self.board(waiting);
        let mut errands = Vec::new();
        for (errand, profile) in landed {
            effects.push(Effect::Landed(errand, profile));
            if !errands.contains(&errand) {
                errands.push(errand);
            }
        }
        effects.extend(errands.into_iter().filter(|errand| !self.waits(*errand)).map(Effect::Done));
        effects
    }

    /// An errand waits for a flight no more. A flight that nobody waits for is called off, unless its code is on its way:
    /// what is spent is not thrown away.
    #[must_use]
    pub fn drop_off(&mut self, id: FlightId, errand: ErrandId) -> Vec<Effect> {
        let Some(flight) = self.open.get_mut(&id) else { return Vec::new() };
        flight.passengers.retain(|(other, _)| *other != errand);
        let mut effects = Vec::new();
        if flight.passengers.is_empty() && !flight.away {
            self.open.remove(&id);
            effects.push(Effect::CallOff(id));
        }
        if !self.waits(errand) {
            effects.push(Effect::Done(errand));
        }
        effects
    }

    fn waits(&self, errand: ErrandId) -> bool {
        let aboard = |flight: &Flight| flight.passengers.iter().any(|(other, _)| *other == errand);
        self.open.values().any(aboard) || self.late.iter().any(|(other, _)| *other == errand)
    }

    fn board(&mut self, wishes: Vec<(ErrandId, Wish)>) -> Vec<Effect> {
        let mut started = Vec::new();
        let mut effects = Vec::new();
        for (errand, wish) in wishes {
            let Wish { profile, device } = wish;
            let same_device = |flight: &Flight| device.is_some() && flight.device == device;
            let found = self
                .open
                .iter()
                .find(|(_, flight)| flight.carries(&profile) || (same_device(flight) && !flight.away));
            let id = match found {
                Some((id, _)) => *id,
                None if self.open.values().any(same_device) => {
                    self.late.push((errand, Wish { profile, device }));
                    continue;
                }
                None => {
                    self.last += 1;
                    let id = FlightId(self.last);
                    self.open.insert(id, Flight { device, passengers: Vec::new(), away: false });
                    started.push(id);
                    id
                }
            };
            if let Some(flight) = self.open.get_mut(&id) {
                flight.passengers.push((errand, profile));
            }
            let boarded = Effect::Boarded(id, errand);
            if !started.contains(&id) && !effects.contains(&boarded) {
                effects.push(boarded);
            }
        }
        effects.extend(started.into_iter().map(Effect::Start));
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::Region;
    use super::*;

    const FIRST: FlightId = FlightId(1);
    const SECOND: FlightId = FlightId(2);

    fn name(text: &str) -> ProfileName {
        ProfileName::parse(text).unwrap()
    }

    fn device(user: &str, person: bool) -> Device {
        let serial = MfaSerial::parse(&format!("arn:aws:iam::123456789012:mfa/{user}")).unwrap();
        let site = StsSite {
            region: Region::parse("eu-west-1").unwrap(),
            endpoint: None,
            fips: false,
            dualstack: false,
        };
        Device { serial, key: None, site, person }
    }

    /// `profile@user`, or `profile` alone for one without a device.
    fn wish(text: &str) -> Wish {
        let (profile, user) = text.split_once('@').unwrap_or((text, ""));
        let device = (!user.is_empty()).then(|| device(user, true));
        Wish { profile: name(profile), device }
    }

    fn ask(flights: &mut Flights, errand: u64, wishes: &[&str]) -> Vec<Effect> {
        flights.ask(ErrandId(errand), wishes.iter().map(|text| wish(text)).collect())
    }

    fn profiles(flights: &Flights, flight: FlightId) -> Vec<ProfileName> {
        let mut profiles: Vec<_> = flights.passengers(flight).iter().map(|(_, name)| name.clone()).collect();
        profiles.dedup();
        profiles.sort_by_key(|name| name.as_str() != "work");
        profiles.dedup();
        profiles
    }

    fn landed(errand: u64, profile: &str) -> Effect {
        Effect::Landed(ErrandId(errand), name(profile))
    }

    fn done(errand: u64) -> Effect {
        Effect::Done(ErrandId(errand))
    }

    #[test]
    fn fifty_errands_share_one_code() {
        let mut flights = Flights::default();
        assert_eq!(ask(&mut flights, 0, &["work@alice"]), [Effect::Start(FIRST)]);
        for errand in 1..50 {
            let profile = if errand % 2 == 0 { "work@alice" } else { "second@alice" };
            assert_eq!(ask(&mut flights, errand, &[profile]), [Effect::Boarded(FIRST, ErrandId(errand))]);
        }
        assert_eq!(profiles(&flights, FIRST), [name("work"), name("second")]);
        assert_eq!(flights.errands(FIRST).len(), 50);
        flights.take_off(FIRST);
        // Too late for the code, in time for the result.
        assert_eq!(ask(&mut flights, 50, &["work@alice"]), [Effect::Boarded(FIRST, ErrandId(50))]);
        let effects = flights.land(FIRST, &[name("work"), name("second")]);
        assert_eq!(effects.iter().filter(|effect| matches!(effect, Effect::Landed(..))).count(), 51);
        assert_eq!(effects.iter().filter(|effect| matches!(effect, Effect::Done(_))).count(), 51);
        assert_eq!(effects.len(), 102, "and no other flight");
        assert_eq!(ask(&mut flights, 51, &["work@alice"]), [Effect::Start(SECOND)]);
    }

    #[test]
    fn who_comes_too_late_for_the_code_takes_the_next_flight() {
        let mut flights = Flights::default();
        assert_eq!(ask(&mut flights, 1, &["work@alice"]), [Effect::Start(FIRST)]);
        flights.take_off(FIRST);
        assert_eq!(
            ask(&mut flights, 2, &["second@alice", "work@alice"]),
            [Effect::Boarded(FIRST, ErrandId(2))]
        );
        let effects = flights.land(FIRST, &[name("work")]);
        assert_eq!(effects, [Effect::Start(SECOND), landed(1, "work"), landed(2, "work"), done(1)]);
        assert_eq!(flights.land(SECOND, &[name("second")]), [landed(2, "second"), done(2)]);
    }

    #[test]
    fn devices_and_profiles_without_one_do_not_wait_for_each_other() {
        let mut flights = Flights::default();
        let effects = ask(&mut flights, 1, &["work@alice", "bob@bob", "ci", "robot", "second@alice"]);
        let start = |id| Effect::Start(FlightId(id));
        assert_eq!(effects, [start(1), start(2), start(3), start(4)]);
        assert_eq!(profiles(&flights, FIRST), [name("work"), name("second")]);
        assert_eq!(flights.land(FlightId(3), &[name("ci")]), [landed(1, "ci")]);
        assert_eq!(ask(&mut flights, 2, &["robot"]), [Effect::Boarded(FlightId(4), ErrandId(2))]);
    }

    #[test]
    fn a_profile_that_needs_a_code_of_its_own_flies_again() {
        let mut flights = Flights::default();
        assert_eq!(ask(&mut flights, 1, &["work@alice"]), [Effect::Start(FIRST)]);
        assert_eq!(ask(&mut flights, 2, &["otherkey@alice"]), [Effect::Boarded(FIRST, ErrandId(2))]);
        let effects = flights.land(FIRST, &[name("work")]);
        assert_eq!(effects, [Effect::Start(SECOND), landed(1, "work"), done(1)]);
        assert_eq!(profiles(&flights, SECOND), [name("otherkey")]);
    }

    #[test]
    fn a_flight_whose_code_was_refused_takes_others_aboard_again() {
        let mut flights = Flights::default();
        assert_eq!(ask(&mut flights, 1, &["work@alice"]), [Effect::Start(FIRST)]);
        flights.take_off(FIRST);
        assert_eq!(ask(&mut flights, 2, &["second@alice"]), []);
        assert_eq!(flights.return_to_gate(FIRST), [Effect::Boarded(FIRST, ErrandId(2))]);
        assert_eq!(flights.errands(FIRST), [ErrandId(1), ErrandId(2)]);
        flights.take_off(FIRST);
        assert_eq!(flights.drop_off(FIRST, ErrandId(1)), [done(1)]);
        assert_eq!(flights.drop_off(FIRST, ErrandId(2)), [done(2)]);
        assert_eq!(flights.return_to_gate(FIRST), [Effect::CallOff(FIRST)]);
        assert!(flights.is_idle());
    }

    #[test]
    fn a_flight_without_anybody_who_waits_is_called_off_before_its_code_is_spent() {
        let mut flights = Flights::default();
        assert_eq!(ask(&mut flights, 1, &["work@alice"]), [Effect::Start(FIRST)]);
        assert_eq!(ask(&mut flights, 2, &["work@alice"]), [Effect::Boarded(FIRST, ErrandId(2))]);
        assert_eq!(flights.drop_off(FIRST, ErrandId(1)), [done(1)]);
        assert_eq!(flights.drop_off(FIRST, ErrandId(2)), [Effect::CallOff(FIRST), done(2)]);
        assert_eq!(flights.land(FIRST, &[name("work")]), []);
        assert_eq!(ask(&mut flights, 3, &["work@alice"]), [Effect::Start(SECOND)]);
        flights.take_off(SECOND);
        assert_eq!(
            flights.drop_off(SECOND, ErrandId(3)),
            [done(3)],
            "a code that is spent is not thrown away"
        );
        assert_eq!(flights.land(SECOND, &[name("work")]), []);
        assert!(flights.is_idle());
    }

    #[test]
    fn who_drops_off_one_flight_still_waits_for_the_other() {
        let mut flights = Flights::default();
        let effects = ask(&mut flights, 1, &["work@alice", "bob@bob"]);
        assert_eq!(effects, [Effect::Start(FIRST), Effect::Start(SECOND)]);
        assert_eq!(flights.drop_off(FIRST, ErrandId(1)), [Effect::CallOff(FIRST)]);
        assert_eq!(flights.land(SECOND, &[name("bob")]), [landed(1, "bob"), done(1)]);
    }

    #[test]
    fn what_needs_no_person_does_not_wait_for_one() {
        let mut flights = Flights::default();
        assert_eq!(ask(&mut flights, 1, &["work@alice"]), [Effect::Start(FIRST)]);
        let seeded = |profile: &str| Wish { profile: name(profile), device: Some(device("alice", false)) };
        assert_eq!(flights.ask(ErrandId(2), vec![seeded("ci")]), [Effect::Start(SECOND)]);
        assert_eq!(flights.ask(ErrandId(3), vec![seeded("night")]), [Effect::Boarded(SECOND, ErrandId(3))]);
        assert!(device("alice", true).takes_codes_of(&device("alice", false)));
    }
}
