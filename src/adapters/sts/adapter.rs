//! The port's calls.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::answer;
use super::call::{Call, check_site};
use super::http::{Http, NetSettings};
use crate::domain::endpoint::StsSite;
use crate::domain::keys::{LongTermKey, SessionCredentials};
use crate::ports::Answer;
use crate::ports::sts::{CallerIdentity, SessionRequest, Sts, StsError};
use crate::ports::time::Clock;

/// STS through AWS's SDK, for the life of the process.
///
/// Its calls need a tokio runtime with timers and I/O.
pub struct SdkSts {
    http: Arc<Http>,
    clock: Arc<dyn Clock>,
    deadline: Duration,
}

impl SdkSts {
    /// How long a call may take in all, in production: 10 s.
    pub const DEADLINE: Duration = Duration::from_secs(10);

    /// Takes note of the settings; nothing is read or connected before the first call.
    ///
    /// `deadline` bounds one call of the port, connecting and a repetition included. `clock` dates the requests.
    #[must_use]
    pub fn new(net: NetSettings, clock: Arc<dyn Clock>, deadline: Duration) -> Self {
        Self { http: Arc::new(Http::new(net)), clock, deadline }
    }

    async fn call<'a>(
        &self,
        action: &'static str,
        site: &'a StsSite,
        key: &LongTermKey,
    ) -> Result<Call<'a>, StsError> {
        let connector = Arc::clone(&self.http).connector(site).await?;
        Call::new(action, site, key, connector, Arc::clone(&self.clock))
    }

    async fn identify(&self, site: &StsSite, key: &LongTermKey) -> Result<CallerIdentity, StsError> {
        let call = self.call("GetCallerIdentity", site, key).await?;
        let output = call.send(|| call.client.get_caller_identity().send()).await?;
        answer::identity(&output)
    }

    async fn open_session(
        &self,
        site: &StsSite,
        key: &LongTermKey,
        request: &SessionRequest,
    ) -> Result<SessionCredentials, StsError> {
        let seconds = i32::try_from(request.duration.as_secs());
        let seconds = seconds.map_err(|_too_long| StsError::Invalid("DurationSeconds".to_owned()))?;
        let call = self.call("GetSessionToken", site, key).await?;
        let output = call
            .send(|| {
                let mfa = request.mfa.as_ref();
                call.client
                    .get_session_token()
                    .duration_seconds(seconds)
                    .set_serial_number(mfa.map(|(serial, _)| serial.as_str().to_owned()))
                    .set_token_code(mfa.map(|(_, code)| code.digits().to_owned()))
                    .send()
            })
            .await?;
        // The server's clock knows best when its credentials end.
        let now = call.server_time().unwrap_or_else(|| self.clock.now());
        answer::session(output.credentials, now)
    }

    async fn within_deadline<T>(
        &self,
        call: impl Future<Output = Result<T, StsError>>,
    ) -> Result<T, StsError> {
        let answer = tokio::time::timeout(self.deadline, call).await;
        answer.unwrap_or_else(|_elapsed| Err(StsError::Timeout(self.deadline.as_secs())))
    }
}

impl fmt::Debug for SdkSts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A proxy's address may hold a password.
        f.debug_struct("SdkSts").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl Sts for SdkSts {
    fn check<'a>(&'a self, site: &'a StsSite) -> Answer<'a, Result<(), StsError>> {
        Box::pin(self.within_deadline(async {
            check_site(site)?;
            Arc::clone(&self.http).connector(site).await.map(drop)
        }))
    }

    fn caller_identity<'a>(
        &'a self,
        site: &'a StsSite,
        key: &'a LongTermKey,
    ) -> Answer<'a, Result<CallerIdentity, StsError>> {
        Box::pin(self.within_deadline(self.identify(site, key)))
    }

    fn session_token<'a>(
        &'a self,
        site: &'a StsSite,
        key: &'a LongTermKey,
        request: &'a SessionRequest,
    ) -> Answer<'a, Result<SessionCredentials, StsError>> {
        Box::pin(self.within_deadline(self.open_session(site, key, request)))
    }
}
