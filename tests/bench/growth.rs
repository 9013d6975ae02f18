//! The cost of whatever is done with the file grows with the file and no faster. A test target of its own, with one test: nothing else uses
//! the memory and the processor meanwhile.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and its figures are shown then"
)]

mod large_file;

use std::alloc::System;
use std::time::Duration;

use cap::Cap;
use chrono::DateTime;
use stsd::domain::aws_file::{Document, Grammar, Removal};
use stsd::domain::fingerprint::{Fingerprint, SALT_BYTES};
use stsd::domain::keys::{AccessKeyId, LongTermKey, SessionCredentials};
use stsd::domain::profile::SectionName;
use zeroize::Zeroizing;
use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static ALLOCATOR: Cap<ZeroAlloc<System>> = Cap::new(ZeroAlloc(System), usize::MAX);

/// The processor time of an edit, at best: what comes between only ever adds.
fn best_of(times: usize, sections: usize) -> Duration {
    let bytes = large_file::of(sections);
    (0..times).map(|_| large_file::once(&bytes, sections)).min().unwrap()
}

/// A large file and what is done with it. A session and a long-term key stand behind everything else, where each search
/// comes last.
struct Case {
    document: Document,
    session: SectionName,
    written: Fingerprint,
    key_section: SectionName,
    key: LongTermKey,
}

impl Case {
    fn new(sections: usize) -> Self {
        let section = |name| SectionName::parse(name).unwrap();
        let mut bytes = large_file::of(sections);
        let id = "AKIAY34FZKBOKMUTVV7A";
        let secret = "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";
        bytes.extend(
            format!("[key]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n").into_bytes(),
        );
        let session = SessionCredentials {
            id: AccessKeyId::parse("ASIAY34FZKBOKMUTVV7B").unwrap(),
            secret: "secret".to_owned().into(),
            token: "token".to_owned().into(),
            expires_at: DateTime::from_timestamp(1_795_320_000, 0).unwrap(),
        };
        let document = Document::from_bytes(Zeroizing::new(bytes), Grammar::Credentials).unwrap();
        Self {
            document: document.put_session(&section("session"), &session, None).unwrap().document,
            session: section("session"),
            written: Fingerprint::of(&session, [3; SALT_BYTES]),
            key_section: section("key"),
            key: LongTermKey { id: AccessKeyId::parse(id).unwrap(), secret: secret.to_owned().into() },
        }
    }

    fn take_session(&self) {
        let (edit, removal) = self.document.take_session(&self.session, true, Some(&self.written)).unwrap();
        assert!(removal == Removal::Removed && edit.document.text().len() < self.document.text().len());
    }

    fn take_key(&self) {
        let found = self.document.long_term_key(&self.key_section).unwrap();
        let (_, removal) = self.document.take_key(&self.key_section, &found.key).unwrap();
        assert_eq!(removal, Removal::Removed);
    }

    fn look_for_the_key(&self) {
        assert_eq!(self.document.sightings(&self.key).len(), 1);
    }

    /// As of each backup that another tool made.
    fn compare_with_a_copy(&self) {
        assert!(self.document.keeps_all_of(&self.document));
        assert!(self.document.keeps_all_but(&self.document, &self.key));
    }

    fn find_divergences(&self) {
        assert!(self.document.readings().divergences().is_empty());
    }

    fn read_an_occupant(&self) {
        assert!(self.document.occupant(&self.session).is_some());
    }
}

type Work = fn(&Case);

/// What is done, with its name.
const WORK: [(&str, Work); 6] = [
    ("take_session", Case::take_session),
    ("take_key", Case::take_key),
    ("sightings", Case::look_for_the_key),
    ("keeps_all_of", Case::compare_with_a_copy),
    ("divergences", Case::find_divergences),
    ("occupant", Case::read_an_occupant),
];

#[test]
fn ten_times_the_sections_take_about_ten_times_the_time_and_memory() {
    for sections in [5_000, 50_000] {
        let (size, peak) = (large_file::of(sections).len(), large_file::peak(&ALLOCATOR, sections));
        println!("{sections} sections, {size} bytes: {peak} bytes at most");
        assert!(peak < 4 * size, "{peak} bytes for a file of {size}");
    }
    let (small, large) = (best_of(10, 5_000), best_of(3, 50_000));
    println!("{small:?} for 5,000 sections, {large:?} for 50,000");
    // Quadratic would be a hundred times.
    assert!(large < 30 * small, "{small:?} for 5,000 sections, {large:?} for 50,000");

    let [small, large] = [500, 5_000].map(Case::new);
    for (name, work) in WORK {
        let best = |case, times| (0..times).map(|_| large_file::timed(|| work(case))).min().unwrap();
        let (small, large) = (best(&small, 5), best(&large, 3));
        println!("{name}: {small:?} for 500 sections, {large:?} for 5,000");
        assert!(large < 30 * small, "{name}: {small:?} for 500 sections, {large:?} for 5,000");
    }
}
