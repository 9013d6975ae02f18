//! What was asked of the server, so that a test can say "the code was sent exactly once".

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::http::HttpRequest;
use crate::sigv4::Authorization;

/// One request to STS, as it came and as it was answered. Requests to the control interface are not logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Counts from 1, over the life of the server.
    pub number: u64,
    /// `GetSessionToken`, …; empty when the request names none.
    pub action: String,
    /// Of the signature's scope.
    pub access_key_id: Option<String>,
    /// Of the signature's scope.
    pub region: Option<String>,
    /// Whether a session token came with it.
    pub session_token: bool,
    /// `SerialNumber`.
    pub serial: Option<String>,
    /// `TokenCode`.
    pub code: Option<String>,
    /// `DurationSeconds`, as it was sent.
    pub duration: Option<String>,
    /// `RoleArn`.
    pub role_arn: Option<String>,
    /// The User-Agent header.
    pub user_agent: Option<String>,
    /// Whether the server took the code, which is used from then on.
    pub code_consumed: bool,
    /// The status decided on; `None` when no status was sent (hung, dropped or reset).
    pub status: Option<u16>,
    /// The error code decided on.
    pub error: Option<String>,
    /// The name of the fault that was applied.
    pub fault: Option<String>,
}

impl Request {
    pub(crate) fn read(number: u64, request: &HttpRequest, form: &BTreeMap<String, String>) -> Self {
        let scope = request.header("authorization").and_then(|header| Authorization::parse(header).ok());
        let (access_key_id, region) = scope.map(|scope| (scope.access_key_id, scope.region)).unzip();
        let parameter = |name: &str| form.get(name).cloned();
        Self {
            number,
            action: parameter("Action").unwrap_or_default(),
            access_key_id,
            region,
            session_token: request.header("x-amz-security-token").is_some(),
            serial: parameter("SerialNumber"),
            code: parameter("TokenCode"),
            duration: parameter("DurationSeconds"),
            role_arn: parameter("RoleArn"),
            user_agent: request.header("user-agent").map(str::to_owned),
            code_consumed: false,
            status: None,
            error: None,
            fault: None,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "number": self.number,
            "action": self.action,
            "access_key_id": self.access_key_id,
            "region": self.region,
            "session_token": self.session_token,
            "serial": self.serial,
            "code": self.code,
            "duration": self.duration,
            "role_arn": self.role_arn,
            "user_agent": self.user_agent,
            "code_consumed": self.code_consumed,
            "status": self.status,
            "error": self.error,
            "fault": self.fault,
        })
    }
}
