//! HTTP/1.1 as far as it is needed: a request out of bytes, forms and queries out of a request.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The largest head and the largest body that are read, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;
const BODY_LIMIT: usize = 1024 * 1024;

/// A request, whole.
#[derive(Debug)]
pub(crate) struct HttpRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The query as it was sent, without the question mark.
    pub(crate) query: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl HttpRequest {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The parameters of a call: the body of a POST, else the query.
    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        let body = String::from_utf8_lossy(&self.body);
        form(if self.method == "POST" { &body } else { &self.query })
    }
}

/// Decodes `application/x-www-form-urlencoded`.
pub(crate) fn form(text: &str) -> BTreeMap<String, String> {
    let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

/// Reads the next request of a connection; what comes after it stays in `buffer`. `None` when there is none, or when
/// what came is not HTTP.
pub(crate) async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<HttpRequest> {
    let (mut request, head) = loop {
        if let Some(parsed) = parse(buffer)? {
            break parsed;
        }
        if buffer.len() > HEAD_LIMIT || stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let length = request.header("content-length").map_or(Some(0), |text| text.parse::<usize>().ok())?;
    if length > BODY_LIMIT || request.header("transfer-encoding").is_some() {
        return None;
    }
    if request.header("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.ok()?;
    }
    while buffer.len() < head + length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let rest = buffer.split_off(head + length);
    request.body = std::mem::replace(buffer, rest).split_off(head);
    Some(request)
}

/// The head of the request at the start of `bytes` and its length; `Some(None)` when it is not complete yet.
#[expect(clippy::option_option, reason = "the outer one says whether this is HTTP at all")]
fn parse(bytes: &[u8]) -> Option<Option<(HttpRequest, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = parsed.parse(bytes).ok()? else {
        return Some(None);
    };
    let target = parsed.path?;
    // A client that was told to use a proxy sends the whole URL.
    let target =
        target.strip_prefix("http://").map_or(target, |rest| rest.find('/').map_or("/", |at| &rest[at..]));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = parsed
        .headers
        .iter()
        .map(|header| (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned()))
        .collect();
    let method = parsed.method?.to_owned();
    Some(Some((
        HttpRequest { method, path: path.to_owned(), query: query.to_owned(), headers, body: Vec::new() },
        head,
    )))
}
