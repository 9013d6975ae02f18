//! What is sent back, and in which manner.

use chrono::{DateTime, Utc};

use crate::clock;
use crate::error::StsError;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) request_id: Option<String>,
    pub(crate) date: DateTime<Utc>,
    pub(crate) body: Vec<u8>,
}

/// What happens on the connection.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The answer, after a pause in milliseconds.
    Send(Answer, u64),
    /// The head and then each byte of the body with a pause in milliseconds.
    Drip(Answer, u64),
    /// The head and so many bytes of the body, then the end.
    Cut(Answer, usize),
    /// These bytes, then the end.
    Raw(Vec<u8>),
    /// The end.
    Close,
    /// The end, by a reset.
    Reset,
    /// Nothing, until the client leaves.
    Hang,
}

impl Answer {
    pub(crate) fn new(
        status: u16,
        content_type: &str,
        date: DateTime<Utc>,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        Self { status, content_type: content_type.to_owned(), request_id: None, date, body: body.into() }
    }

    pub(crate) fn html(status: u16, date: DateTime<Utc>, text: &str) -> Self {
        let body = format!(
            "<!DOCTYPE html>\n<html><head><title>{text}</title></head><body><h1>{text}</h1></body></html>\n"
        );
        Self::new(status, "text/html; charset=utf-8", date, body)
    }

    /// The answer to `action` whose result holds `result`, which is XML.
    pub(crate) fn result(action: &str, request_id: &str, date: DateTime<Utc>, result: &str) -> Self {
        let body = format!(
            "<{action}Response xmlns=\"{NAMESPACE}\">\n  <{action}Result>\n{result}  </{action}Result>\n  \
             <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</{action}Response>\n"
        );
        Self { request_id: Some(request_id.to_owned()), ..Self::new(200, "text/xml", date, body) }
    }

    pub(crate) fn error(error: &StsError, request_id: &str, date: DateTime<Utc>) -> Self {
        let kind = if error.status < 500 { "Sender" } else { "Receiver" };
        let (code, message) = (escape(&error.code), escape(&error.message));
        let body = format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\">\n  <Error>\n    <Type>{kind}</Type>\n    <Code>{code}</Code>\n    \
             <Message>{message}</Message>\n  </Error>\n  <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n"
        );
        Self { request_id: Some(request_id.to_owned()), ..Self::new(error.status, "text/xml", date, body) }
    }

    pub(crate) fn head(&self) -> String {
        let reason = match self.status {
            200 => "OK",
            400 => "Bad Request",
            403 => "Forbidden",
            404 => "Not Found",
            500 => "Internal Server Error",
            503 => "Service Unavailable",
            _ => "Unknown",
        };
        let id = self.request_id.as_ref().map(|id| format!("x-amzn-RequestId: {id}\r\n")).unwrap_or_default();
        format!(
            "HTTP/1.1 {} {reason}\r\n{id}Content-Type: {}\r\nContent-Length: {}\r\nDate: {}\r\n\r\n",
            self.status,
            self.content_type,
            self.body.len(),
            clock::http(self.date)
        )
    }
}

/// Escapes text for XML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
