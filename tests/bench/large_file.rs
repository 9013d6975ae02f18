//! A large credentials file, as an organisation's tool writes one: a section for each account and role.

use std::alloc::System;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use cap::Cap;
use chrono::DateTime;
use stsd::domain::aws_file::{Document, Grammar};
use stsd::domain::keys::{AccessKeyId, SessionCredentials};
use stsd::domain::profile::SectionName;
use zeroize::Zeroizing;
use zeroizing_alloc::ZeroAlloc;

/// A file of so many sections, each of about 400 bytes.
pub(crate) fn of(sections: usize) -> Vec<u8> {
    // Enough from the start: the growth of a text would need more memory than an edit.
    let mut text = String::with_capacity(512 * sections);
    for number in 0..sections {
        let token = "IQoJb3JpZ2luX2VjEKf/".repeat(10);
        write!(
            text,
            "# account {number:012}\n[account-{number:06}]\naws_access_key_id = ASIAY34FZKBOKMUTVV7A\n\
             aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\naws_session_token = {token}{number:06}==\n\
             x_security_token_expires = 2026-11-22T03:04:05Z\nregion = eu-central-1\n\n"
        )
        .unwrap();
    }
    text.shrink_to_fit();
    text.into_bytes()
}

/// The whole edit: the bytes of the file in, the text with a session in the section of the middle out.
fn edit(bytes: Vec<u8>, sections: usize) -> usize {
    let document = Document::from_bytes(Zeroizing::new(bytes), Grammar::Credentials).unwrap();
    let section = SectionName::parse(&format!("account-{:06}", sections / 2)).unwrap();
    let session = SessionCredentials {
        id: AccessKeyId::parse("ASIAY34FZKBOKMUTVV7B").unwrap(),
        secret: "secret".to_owned().into(),
        token: "token".repeat(100).into(),
        expires_at: DateTime::from_timestamp(1_795_320_000, 0).unwrap(),
    };
    let edit = document.put_session(&section, &session, None).unwrap();
    assert!(edit.changed && !edit.created);
    edit.document.text().len()
}

/// The processor time of one edit; that of making the input is left out.
pub(crate) fn once(bytes: &[u8], sections: usize) -> Duration {
    let input = bytes.to_vec();
    timed(|| edit(black_box(input), sections))
}

/// The processor time of some work; that of dropping its result is left in.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let started = cpu_time();
    black_box(work());
    cpu_time().saturating_sub(started)
}

/// What this thread has used of a processor.
fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.try_into().unwrap(), now.tv_nsec.try_into().unwrap())
}

/// The most memory that an edit holds at any time, in bytes, with the bytes of the file themselves. To be asked about
/// larger and larger files, and before anything else has needed as much.
pub(crate) fn peak(allocator: &Cap<ZeroAlloc<System>>, sections: usize) -> usize {
    let before = allocator.allocated();
    let bytes = of(sections);
    let earlier = allocator.max_allocated();
    edit(bytes, sections);
    let peak = allocator.max_allocated();
    assert!(peak > earlier, "something else needed more");
    peak - before
}
