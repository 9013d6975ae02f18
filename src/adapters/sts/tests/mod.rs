//! The adapter against a server that says what STS, a proxy or a captive portal say.

mod answers;
mod failures;
mod refusals;
mod server;
mod skew;
mod tls;
mod ways;

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;

use self::server::{Received, Server, Step};
use super::{NetSettings, Proxy, SdkSts};
use crate::domain::duration::SessionDuration;
use crate::domain::endpoint::{EndpointUrl, Region, StsSite};
use crate::domain::keys::{AccessKeyId, LongTermKey, SessionCredentials};
use crate::domain::mfa::{MfaCode, MfaSerial};
use crate::ports::sts::{CallerIdentity, SessionRequest, Sts as _, StsError};
use crate::ports::time::Clock;

const DEADLINE: Duration = Duration::from_secs(10);
/// The port of tcpmux, which nobody runs: a free port could be taken by the test beside this one.
const CLOSED_PORT: u16 = 1;
const CODE: &str = "271828";
const LONG_TERM_SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// A clock that stands still.
#[derive(Clone, Copy)]
struct At(DateTime<Utc>);

impl Clock for At {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }

    fn local(&self, at: DateTime<Utc>) -> DateTime<chrono::FixedOffset> {
        at.fixed_offset()
    }
}

/// Our time in all tests.
fn now() -> DateTime<Utc> {
    "2026-03-04T05:06:07Z".parse().unwrap()
}

fn in_one_hour() -> DateTime<Utc> {
    now() + TimeDelta::hours(1)
}

fn direct() -> NetSettings {
    NetSettings { ca_bundle: None, proxy: Proxy::Never }
}

fn sts(net: NetSettings) -> SdkSts {
    SdkSts::new(net, Arc::new(At(now())), DEADLINE)
}

fn site(url: &str) -> StsSite {
    StsSite { endpoint: Some(EndpointUrl::parse(url).unwrap()), ..regional("eu-west-1") }
}

fn regional(region: &str) -> StsSite {
    StsSite { region: Region::parse(region).unwrap(), endpoint: None, fips: false, dualstack: false }
}

fn key() -> LongTermKey {
    let id = AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").unwrap();
    LongTermKey { id, secret: LONG_TERM_SECRET.to_owned().into() }
}

fn request() -> SessionRequest {
    let serial = MfaSerial::parse("arn:aws:iam::123456789012:mfa/alice").unwrap();
    let duration = SessionDuration::new(Duration::from_hours(1)).unwrap();
    SessionRequest { duration, mfa: Some((serial, MfaCode::parse(CODE).unwrap())) }
}

fn run<T>(call: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(call)
}

fn session(sts: &SdkSts, site: &StsSite) -> Result<SessionCredentials, StsError> {
    run(sts.session_token(site, &key(), &request()))
}

fn identity(sts: &SdkSts, site: &StsSite) -> Result<CallerIdentity, StsError> {
    run(sts.caller_identity(site, &key()))
}

/// Asks a scripted server for a session; the result and what the server received.
fn ask(script: Vec<Step>) -> (Result<SessionCredentials, StsError>, Vec<Received>) {
    let server = Server::start(script);
    let result = session(&sts(direct()), &site(&server.url()));
    (result, server.requests())
}

/// Asks for a session and expects a failure, with the code sent exactly once.
fn check_failure(step: &Step, expected: &StsError) {
    let (result, requests) = ask(vec![step.clone()]);
    assert_eq!(result.as_ref().map(|_| ()), Err(expected), "{step:?}");
    assert_eq!(requests.len(), 1, "{step:?}");
    assert!(requests[0].body.contains(&format!("TokenCode={CODE}")), "{step:?}");
}

/// An HTTP answer with its length, and a `Date` where one is given.
fn answer(status: u16, date: Option<DateTime<Utc>>, body: &str) -> Step {
    let date =
        date.map_or_else(String::new, |at| at.format("Date: %a, %d %b %Y %H:%M:%S GMT\r\n").to_string());
    let length = body.len();
    Step::Answer(
        format!(
            "HTTP/1.1 {status} X\r\n{date}Content-Type: text/xml\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes(),
    )
}

fn error_body(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
    )
}

fn refusal(status: u16, code: &str, message: &str) -> Step {
    answer(status, Some(now()), &error_body(code, message))
}

fn session_body(id: &str, secret: &str, token: &str, expiration: &str) -> String {
    format!(
        "<GetSessionTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetSessionTokenResult>\
         <Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
         <SessionToken>{token}</SessionToken><Expiration>{expiration}</Expiration></Credentials>\
         </GetSessionTokenResult><ResponseMetadata><RequestId>r-2</RequestId></ResponseMetadata>\
         </GetSessionTokenResponse>"
    )
}

fn good_session(date: Option<DateTime<Utc>>, expiration: DateTime<Utc>) -> Step {
    let expiration = expiration.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    answer(200, date, &session_body("ASIAY34FZKBOKMUTVV7A", "s3ss10n/secret", "t0ken+/=", &expiration))
}

/// What our crate says to its log, at the most talkative level, while `action` runs on this thread.
fn logged<T>(action: impl FnOnce() -> T) -> (T, String) {
    // With a single subscriber alive, tracing asks the thread that comes first to a log line whether anyone listens,
    // and remembers the "no" of a test that has none. A second one makes it ask all.
    static SECOND: OnceLock<tracing::Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| tracing::Dispatch::new(tracing_subscriber::registry()));
    let written: Arc<Mutex<Vec<u8>>> = Arc::default();
    let sink = Arc::clone(&written);
    let writer = move || Sink(Arc::clone(&sink));
    let ours = filter_fn(|event| event.target().starts_with("stsd"));
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer).with_filter(ours);
    let result = tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), action);
    let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
    (result, text)
}

struct Sink(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
