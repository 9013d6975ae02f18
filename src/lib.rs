//! `stsd` keeps an IAM user's long-term key in the operating system's keychain, turns one MFA code into a session
//! (STS `GetSessionToken`) when its user asks, and puts the session where every AWS tool looks:
//! `~/.aws/credentials`.
//!
//! # Map
//!
//! A functional core in a thin shell. Each layer names only layers below it; `tests/architecture.rs` fails when one
//! does not.
//!
//! | layer | what it is | may name |
//! |---|---|---|
//! | `main` | arguments in, exit code out | [`cli`] |
//! | [`cli`] | the command line; the only composer of adapters and use cases | everything |
//! | [`adapters`] | the world: operating system, network, AWS's crates; one port per file | [`ports`], [`config`], [`domain`] |
//! | [`daemon`] | holds the clock, answers clients, tells the desktop | [`usecase`], [`ports`], [`protocol`], [`socket`], [`config`], [`domain`] |
//! | [`client`] | the other end of the dialogue | [`protocol`], [`socket`], [`domain`] |
//! | [`usecase`] | add, refresh, forget, remove, status, service: what a user can ask for, called unchanged by whoever is asked | [`ports`], [`config`], [`domain`] |
//! | [`ports`] | the world as traits | [`domain`] |
//! | [`protocol`] | the wire: messages, frames, version | [`domain`] |
//! | [`config`] | `config.toml`: text to settings, settings to text | [`domain`] |
//! | [`domain`] | names, keys, codes, the session machine, AWS's files as text | nothing |
//!
//! Beside them: [`paths`] knows every path, [`logging`] starts the log (on stderr, or in the journal that stderr leads
//! to), [`socket`] says where the daemon's socket is and who may be at its other end.
//!
//! # Invariants
//!
//! - [`domain`] has no clock, no file, no socket, no log, no tokio and nothing of AWS's SDK: time is an argument.
//! - The wall clock is read in one place, `adapters::clock`.
//! - A code is spent last, after every check that needs none, and sent once; the one repetition is a proven clock
//!   skew, for which the signature fails before the code is looked at.
//! - Nothing is reported as done before it is durable on disk.
//! - Every failure leaves the credentials file byte for byte as it was.
//! - A long-term key is in memory only while a call needs it. A session has one store, the file; the daemon keeps in
//!   memory what it found there, to put it back. Secrets are redacted in every `Debug` and zeroized;
//!   `expose_secret` occurs in few files, which the architecture test lists.
//! - The daemon's loop owns all state and never awaits the world; nothing else decides. One daemon per user.
//! - No secret key and no session token crosses the socket; a code crosses it in one redacted field. Once a code has
//!   been sent to the daemon, a lost connection is an error and never a second try.
//! - Deadlines are wall-clock: they hold through suspend, clock changes and restarts.
//! - No error and no log line contains received text, a request, or the content of a file.
//!
//! # Flows
//!
//! - *add*: arguments → keychain there and open? → secret → `GetCallerIdentity` → keychain (written, read back) →
//!   `config.toml`.
//! - *import*: section → the same checks, and could it be edited? → keychain, read back and compared →
//!   `GetCallerIdentity` with what was read back → `config.toml` → the plaintext leaves the section, in one replacement of
//!   the file. Whoever is stopped runs it again: at each moment the key is in the file or in the keychain.
//! - *refresh*: arguments → `Session::on(RefreshAsked)` → checks that need no code → code → lock and space for the new
//!   file → read the key, call STS, drop the key → `on(Issued)` → replace the file → `on(Delivered)` → `state.json`.
//! - *status*: `config.toml`, the credentials file and `state.json` → `Session::on(Restored)` → `Session::status`; no
//!   keychain, no network.
//! - *daemon*: configuration → lock → socket, bound or passed → read file and state → `on(Restored)` → ready.
//! - *through the daemon*: arguments → `client` → `server` → an errand → it boards the flight of its device, or begins one
//!   ([`domain::flights`]) → the same use case in a task, once for all aboard → `Done` for each when it is on disk.
//! - *a code*: the refresh wants one → `CodeWanted` to every terminal of those who wait, and one dialog on the screen
//!   (pinentry, zenity, kdialog, osascript; under systemd outside our sandbox) if one of them has no terminal → the first
//!   code wins, the dialog is closed → refused: asked again with the reason, three times at most.
//! - *notice*: wait for the next lead or expiry of all sessions by the wall clock → `Session::due` → one bubble for the
//!   sessions that end together → remembered in `state.json`.
//! - *click*: an action of the bubble → an errand without a terminal → the same code, the same refresh → the bubble says
//!   "renewed", or why not. "Snooze" → `on(Snoozed)` → the notice again in ten minutes, at the last lead at the latest.
//! - *code without a human*: `mfa = "totp"` → a step of the device claimed in `state.json`, else the next step waited for →
//!   seed from the keychain → code; `mfa = { command = … }` → a child without a shell, under systemd a unit
//!   beside the daemon's sandbox → six digits of its stdout.
//! - *renewal*: a lead of a session that needs no human → the same refresh in a task → no notice; if it failed, the notice.
//! - *neighbours*: another program changed the credentials file → look → the section lost our session → with the lock in
//!   hand, written again once, then reported. At the expiry with `on_expiry = "remove"`: what we wrote leaves the file.
//! - *service*: the manager asked how the service is → whose is each file in the place? → those missing or outdated written
//!   → read by the manager → enabled and started → asked who answers at the socket. Whoever is stopped runs it again.
//! - *forget*: what we wrote leaves the file, nothing else does; *remove*: forget, then delete seed and key.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test may panic"
    )
)]

pub mod adapters;
pub mod cli;
pub mod client;
pub mod config;
pub mod daemon;
pub mod domain;
pub mod logging;
pub mod paths;
pub mod ports;
pub mod protocol;
pub mod socket;
pub mod usecase;
