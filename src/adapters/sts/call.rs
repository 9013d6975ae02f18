//! One call's client around the key, and the one case in which a request is sent again.

use std::sync::Arc;

use aws_sdk_sts::Client;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::config::{
    AppName, BehaviorVersion, Credentials, IdentityCache, Region, StalledStreamProtectionConfig,
};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;

use super::classify::{classify, code_of};
use super::http::{Line, ServerDate};
use super::skew::{SigningClock, told_time};
use crate::domain::endpoint::StsSite;
use crate::domain::keys::LongTermKey;
use crate::ports::sts::StsError;
use crate::ports::time::Clock;

/// Who we are in AWS's logs.
const APP_NAME: &str = concat!("stsd-", env!("CARGO_PKG_VERSION"));

/// A client around one key; both go when this is dropped.
pub(super) struct Call<'a> {
    action: &'static str,
    site: &'a StsSite,
    pub(super) client: Client,
    clock: SigningClock,
    date: ServerDate,
}

impl<'a> Call<'a> {
    pub(super) fn new(
        action: &'static str,
        site: &'a StsSite,
        key: &LongTermKey,
        connector: SharedHttpConnector,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StsError> {
        check_site(site)?;
        let clock = SigningClock::new(clock);
        let date = ServerDate::default();
        // One copy of the secret in a buffer of its exact length, behind an `Arc`, wiped with the last clone. The
        // signer makes another that is not wiped: `aws_sigv4::sign::v4::generate_signing_key` formats "AWS4" and the
        // secret into a plain string. A memory image taken after a call has found it in the heap, freed, and nothing
        // else of the secret anywhere; only an allocator that wipes what is freed reaches it.
        let credentials = Credentials::new(key.id.as_str(), key.secret.expose_secret(), None, None, "stsd");
        let mut config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(site.region.as_str().to_owned()))
            .credentials_provider(credentials)
            // The cache would keep the key beyond the call.
            .identity_cache(IdentityCache::no_cache())
            // A retry would send a code again that the first attempt may have used up.
            .retry_config(RetryConfig::disabled())
            // There is one deadline, around the whole call.
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            // There is one clock, and one correction of it.
            .time_source(clock.clone())
            .disable_clock_skew_correction(true)
            .use_fips(site.fips)
            .use_dual_stack(site.dualstack)
            .http_client(Line::new(connector, date.clone()));
        config.set_app_name(AppName::new(APP_NAME).ok());
        config.set_endpoint_url(site.endpoint.as_ref().map(|url| url.as_str().to_owned()));
        Ok(Self { action, site, client: Client::from_conf(config.build()), clock, date })
    }

    /// Sends a request; sends it again only if AWS refused its date and our clock is proven wrong. Then the signature
    /// failed before the code was looked at, and the client has learnt AWS's time.
    pub(super) async fn send<T, E, F>(&self, once: impl Fn() -> F + Sync) -> Result<T, StsError>
    where
        T: RequestId,
        E: ProvideErrorMetadata,
        SdkError<E>: RequestId,
        F: Future<Output = Result<T, SdkError<E>>>,
    {
        // Boxed because the SDK's futures take tens of kilobytes.
        let error = match Box::pin(once()).await {
            Ok(output) => return Ok(self.answered(output)),
            Err(error) => error,
        };
        let reason = self.refused(&error);
        let told = error.message().and_then(told_time);
        if reason != StsError::ClockSkew || !self.clock.learn([told, self.date.get()]) {
            return Err(reason);
        }
        tracing::debug!(action = self.action, "clock corrected");
        match Box::pin(once()).await {
            Ok(output) => Ok(self.answered(output)),
            Err(error) => Err(self.refused(&error)),
        }
    }

    /// The server's time, where its last answer told it.
    pub(super) fn server_time(&self) -> Option<DateTime<Utc>> {
        self.date.get()
    }

    fn answered<T: RequestId>(&self, output: T) -> T {
        tracing::debug!(action = self.action, request_id = request_id(&output), "sts answered");
        output
    }

    /// Logs and sorts a failure. Nothing but these four fields may be logged of it.
    fn refused<E>(&self, error: &SdkError<E>) -> StsError
    where
        E: ProvideErrorMetadata,
        SdkError<E>: RequestId,
    {
        tracing::info!(
            action = self.action,
            code = code_of(error),
            status = error.raw_response().map(|response| response.status().as_u16()),
            request_id = request_id(error),
            "sts call failed"
        );
        classify(error, &self.site.region)
    }
}

/// Refuses what no SDK combines. Leaving FIPS out unasked would be the worse answer.
pub(super) fn check_site(site: &StsSite) -> Result<(), StsError> {
    if site.endpoint.is_some() && (site.fips || site.dualstack) {
        let why = "an endpoint of one's own is neither the FIPS nor the dual-stack endpoint";
        return Err(StsError::Setup(why.to_owned()));
    }
    Ok(())
}

/// The request id that AWS's support asks for; `None` if what was received is none.
fn request_id(answer: &impl RequestId) -> Option<&str> {
    let is_id = |id: &&str| id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    answer.request_id().filter(is_id)
}
