//! A client that signs with the SDK's own signer and speaks HTTP over a plain socket.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use stsd_test_support::{Identity, StrictSts};

/// What a request is signed with; each field can be bent.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
    pub(crate) region: &'static str,
    pub(crate) service: &'static str,
    /// How far the client's clock is ahead, in seconds.
    pub(crate) skew: i64,
}

/// An answer as it came over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Signer {
    pub(crate) fn of(identity: &Identity) -> Self {
        Self::new(&identity.access_key_id, &identity.secret_access_key, None)
    }

    /// The temporary credentials of an answer.
    pub(crate) fn issued(reply: &Reply) -> Self {
        Self::new(&reply.tag("AccessKeyId"), &reply.tag("SecretAccessKey"), Some(reply.tag("SessionToken")))
    }

    fn new(id: &str, secret: &str, token: Option<String>) -> Self {
        let (id, secret) = (id.to_owned(), secret.to_owned());
        Self { id, secret, token, region: "us-east-1", service: "sts", skew: 0 }
    }

    /// Sends a call and reads its answer.
    pub(crate) fn call(&self, sts: &StrictSts, action: &str, parameters: &[(&str, &str)]) -> Reply {
        self.try_call(sts, action, parameters).expect("STS answers")
    }

    pub(crate) fn try_call(
        &self,
        sts: &StrictSts,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> io::Result<Reply> {
        let mut body = format!("Action={action}&Version=2011-06-15");
        for (name, value) in parameters {
            let value =
                percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string();
            body.push_str(&["&", name, "=", &value].concat());
        }
        exchange(sts.port(), &self.request(sts, &body))
    }

    /// The bytes of a signed POST.
    pub(crate) fn request(&self, sts: &StrictSts, body: &str) -> String {
        let identity = Credentials::new(&self.id, &self.secret, self.token.clone(), None, "test").into();
        let shift = Duration::from_secs(self.skew.unsigned_abs());
        let now = SystemTime::now();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(if self.skew < 0 { now - shift } else { now + shift })
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let uri = format!("{}/", sts.url());
        let content_type = ("content-type", "application/x-www-form-urlencoded");
        let signable = SignableRequest::new(
            "POST",
            &uri,
            [content_type].into_iter(),
            SignableBody::Bytes(body.as_bytes()),
        )
        .unwrap();
        let (instructions, _signature) = sign(signable, &params).unwrap().into_parts();
        let mut head = format!(
            "POST / HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n{}: {}\r\ncontent-length: {}\r\n",
            sts.port(),
            content_type.0,
            content_type.1,
            body.len()
        );
        for (name, value) in instructions.headers() {
            head.push_str(&[name, ": ", value, "\r\n"].concat());
        }
        head + "\r\n" + body
    }
}

impl Reply {
    /// The text of the first element of a name; empty when there is none.
    pub(crate) fn tag(&self, name: &str) -> String {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let rest = self.body.split_once(&open).map(|(_, rest)| rest);
        rest.and_then(|rest| rest.split_once(&close)).map(|(text, _)| text.to_owned()).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    }

    /// Status, code and message, as tests compare them.
    pub(crate) fn refusal(&self) -> (u16, String, String) {
        (self.status, self.tag("Code"), self.tag("Message"))
    }
}

/// Sends bytes and reads one answer; one that is cut off is an error.
pub(crate) fn exchange(port: u16, request: &str) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
            let mut reply =
                Reply { status: status.unwrap_or_default(), head: head.to_owned(), body: String::new() };
            let length: usize =
                reply.header("content-length").and_then(|text| text.parse().ok()).unwrap_or_default();
            let start = head.len() + 4;
            if bytes.len() >= start + length {
                reply.body = String::from_utf8_lossy(&bytes[start..]).into_owned();
                return Ok(reply);
            }
        }
        match stream.read(&mut chunk)? {
            0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text)),
            size => bytes.extend(&chunk[..size]),
        }
    }
}

/// Sends a request to the control interface.
pub(crate) fn control(sts: &StrictSts, method: &str, path: &str, body: &str) -> Reply {
    let length = body.len();
    let request =
        format!("{method} /_control/{path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}");
    exchange(sts.port(), &request).expect("the control interface answers")
}
