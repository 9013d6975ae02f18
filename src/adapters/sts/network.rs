//! What stands between us and STS, in fixed words.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::iter;

use aws_smithy_runtime_api::client::result::ConnectorError;
use rustls::Error as TlsError;

use crate::ports::sts::StsError;

const UNTRUSTED: &str = "the server's certificate is not trusted; a proxy that opens TLS needs AWS_CA_BUNDLE";

const IO_WORDS: [(ErrorKind, &str); 8] = [
    (ErrorKind::ConnectionRefused, "the connection was refused"),
    (ErrorKind::ConnectionReset, "the connection was dropped"),
    (ErrorKind::ConnectionAborted, "the connection was dropped"),
    (ErrorKind::BrokenPipe, "the connection was dropped"),
    (ErrorKind::HostUnreachable, "there is no way to the host"),
    (ErrorKind::NetworkUnreachable, "the network is down"),
    (ErrorKind::NetworkDown, "the network is down"),
    (ErrorKind::TimedOut, "no connection could be made in time"),
];

/// The cause of a request that got no answer.
pub(super) fn unreachable(error: &ConnectorError) -> StsError {
    if error.is_timeout() {
        return StsError::Unreachable("no connection could be made in time");
    }
    // Hyper's words for what is not HTTP at all.
    if chain(error).any(|cause| cause.to_string().starts_with("invalid HTTP")) {
        return StsError::Malformed;
    }
    let known = chain(error).find_map(words_for);
    // Hyper's words for whatever goes wrong before a request can be sent.
    if chain(error).any(|cause| cause.to_string() == "client error (Connect)") {
        return StsError::Unreachable(known.unwrap_or("the connection failed"));
    }
    StsError::Network(known.unwrap_or("the connection ended before an answer came"))
}

/// The words for one error of a chain, where it tells something.
fn words_for(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(tls) = error.downcast_ref::<TlsError>() {
        let untrusted = matches!(tls, TlsError::InvalidCertificate(_));
        return Some(if untrusted { UNTRUSTED } else { "the TLS handshake failed" });
    }
    if let Some(io) = error.downcast_ref::<io::Error>() {
        let known = IO_WORDS.iter().find(|(kind, _)| *kind == io.kind());
        return known.map(|(_, words)| *words);
    }
    // Types that hyper keeps private; the texts are its own and are compared, never passed on.
    let text = error.to_string();
    [
        ("dns error", "the name could not be resolved"),
        ("tunnel error: proxy authorization required", "the proxy asks for a password"),
        ("tunnel error: failed to create", "the proxy cannot be reached"),
        ("tunnel error", "the proxy refused to connect"),
    ]
    .into_iter()
    .find_map(|(known, words)| text.starts_with(known).then_some(words))
}

/// An error and its causes. What an [`io::Error`] wraps is asked for itself: its `source` skips it.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| -> &'a (dyn Error + 'static) { inner }),
        None => error.source(),
    })
}
