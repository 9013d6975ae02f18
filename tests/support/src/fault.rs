//! What the server can be told to do wrong.

use serde_json::Value;

/// A fault. Unless it says otherwise the request is not processed: no code is consumed, no session issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// 400 `Throttling`.
    Throttle,
    /// 500 `InternalFailure`.
    InternalFailure,
    /// 503 with an HTML page.
    Html503,
    /// 403 with the HTML page of a proxy.
    ProxyPage403,
    /// 200 with an HTML page.
    Html200,
    /// 200 with bytes that are no XML and no UTF-8.
    Garbage,
    /// Bytes that are no HTTP.
    NotHttp,
    /// An AWS error of any kind.
    Error {
        /// The HTTP status.
        status: u16,
        /// The `<Code>`.
        code: String,
        /// The `<Message>`.
        message: String,
    },
    /// Any answer at all.
    Body {
        /// The HTTP status.
        status: u16,
        /// The Content-Type.
        content_type: String,
        /// The body.
        body: String,
    },
    /// The connection is reset, as by a server that never read the request.
    DropBeforeRead,
    /// The request is read, then the connection closed.
    DropUnprocessed,
    /// No answer at all, until the client leaves or the server stops.
    Hang,
    /// The request is **processed** (the code is consumed), then the connection closed without an answer.
    DropAfterRead,
    /// The request is **processed**; the head of the answer is sent, then the connection closed.
    DropAfterHead,
    /// The request is **processed**; half of the answer's body is sent, then the connection closed.
    Truncated,
    /// The request is **processed**; the body is sent byte by byte.
    SlowDrip {
        /// The pause after each byte, in milliseconds.
        millis: u64,
    },
    /// The request is **processed**; the answer is held back.
    Delay {
        /// The time until the answer is sent, in milliseconds.
        millis: u64,
    },
    /// The request is **processed**; `Expiration` of the answer is no date, and the secrets are in it.
    BadExpiration,
    /// The request is **processed**; the answer has no `SessionToken`.
    MissingToken,
    /// The request is **processed**; the answer's result is empty.
    EmptyResult,
    /// The request is **processed**; what is issued has expired an hour ago.
    ExpiredAnswer,
    /// The request is **processed** by a clock that is off.
    ClockSkew {
        /// How far the server is ahead, in seconds, instead of what the knob says.
        seconds: i64,
    },
}

impl Fault {
    /// The name, as the control interface and the log write it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Throttle => "throttle",
            Self::InternalFailure => "internal-failure",
            Self::Html503 => "html-503",
            Self::ProxyPage403 => "proxy-page-403",
            Self::Html200 => "html-200",
            Self::Garbage => "garbage",
            Self::NotHttp => "not-http",
            Self::Error { .. } => "error",
            Self::Body { .. } => "body",
            Self::DropBeforeRead => "drop-before-read",
            Self::DropUnprocessed => "drop-unprocessed",
            Self::Hang => "hang",
            Self::DropAfterRead => "drop-after-read",
            Self::DropAfterHead => "drop-after-head",
            Self::Truncated => "truncated",
            Self::SlowDrip { .. } => "slow-drip",
            Self::Delay { .. } => "delay",
            Self::BadExpiration => "bad-expiration",
            Self::MissingToken => "missing-token",
            Self::EmptyResult => "empty-result",
            Self::ExpiredAnswer => "expired-answer",
            Self::ClockSkew { .. } => "clock-skew",
        }
    }

    /// Reads `{"fault": NAME, …}`; what a fault needs beside its name is in the same object.
    pub(crate) fn from_json(value: &Value) -> Result<Self, String> {
        let text = |name: &str| {
            value
                .get(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .ok_or_else(|| format!("\"{name}\": a text is wanted"))
        };
        let number = |name: &str| {
            value.get(name).and_then(Value::as_i64).ok_or_else(|| format!("\"{name}\": a number is wanted"))
        };
        let millis = || number("millis")?.try_into().map_err(|_negative| "\"millis\" is negative".to_owned());
        let status =
            || number("status")?.try_into().map_err(|_large| "\"status\" is out of range".to_owned());
        Ok(match text("fault")?.as_str() {
            "throttle" => Self::Throttle,
            "internal-failure" => Self::InternalFailure,
            "html-503" => Self::Html503,
            "proxy-page-403" => Self::ProxyPage403,
            "html-200" => Self::Html200,
            "garbage" => Self::Garbage,
            "not-http" => Self::NotHttp,
            "error" => Self::Error { status: status()?, code: text("code")?, message: text("message")? },
            "body" => {
                Self::Body { status: status()?, content_type: text("content_type")?, body: text("body")? }
            }
            "drop-before-read" => Self::DropBeforeRead,
            "drop-unprocessed" => Self::DropUnprocessed,
            "hang" => Self::Hang,
            "drop-after-read" => Self::DropAfterRead,
            "drop-after-head" => Self::DropAfterHead,
            "truncated" => Self::Truncated,
            "slow-drip" => Self::SlowDrip { millis: millis()? },
            "delay" => Self::Delay { millis: millis()? },
            "bad-expiration" => Self::BadExpiration,
            "missing-token" => Self::MissingToken,
            "empty-result" => Self::EmptyResult,
            "expired-answer" => Self::ExpiredAnswer,
            "clock-skew" => Self::ClockSkew { seconds: number("seconds")? },
            other => return Err(format!("there is no fault \"{other}\"")),
        })
    }
}

/// When a fault applies.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) fault: Fault,
    /// The only action it applies to.
    pub(crate) action: Option<String>,
    /// How many requests are left; `None` has no end.
    pub(crate) left: Option<u32>,
}

/// Takes the fault for a request of `action`: that of the oldest rule which applies.
pub(crate) fn take(rules: &mut Vec<Rule>, action: &str) -> Option<Fault> {
    let applies =
        |rule: &Rule| rule.action.as_deref().is_none_or(|only| only == action) && rule.left != Some(0);
    let rule = rules.iter_mut().find(|rule| applies(rule))?;
    rule.left = rule.left.map(|left| left - 1);
    let fault = rule.fault.clone();
    rules.retain(|rule| rule.left != Some(0));
    Some(fault)
}
