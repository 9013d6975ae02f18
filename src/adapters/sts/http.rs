//! The one HTTPS client: built at the first call, kept for life.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use chrono::{DateTime, Utc};
use http_body_util::Limited;

use super::trust::trust_store;
use crate::domain::endpoint::{EndpointUrl, StsSite};
use crate::ports::sts::StsError;

/// How long a connection may take, TLS included; AWS's SDKs use the same.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3_100);
/// Largest answer that is read, in bytes. STS's have one or two KB, a captive portal's page has no bound.
const LARGEST_ANSWER: usize = 256 << 10;

/// How the network is reached: the part of the environment that this adapter needs, as a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetSettings {
    /// `AWS_CA_BUNDLE`: a PEM file whose certificates replace the machine's roots. The SDK itself ignores it
    /// (awslabs/aws-sdk-rust#1362).
    pub ca_bundle: Option<PathBuf>,
    /// The proxy for every address but this machine's own.
    pub proxy: Proxy,
}

/// Which proxy carries the calls. None ever carries one to this machine: `HTTP_PROXY` would take a code that is meant
/// for `http://127.0.0.1` to another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case.
    FromEnvironment,
    /// This one for all addresses, whatever the environment says.
    Always(String),
    /// None, whatever the environment says.
    Never,
}

impl NetSettings {
    /// Reads `AWS_CA_BUNDLE`; an empty one counts as absent. The proxy is left to the environment.
    #[must_use]
    pub fn from_environment() -> Self {
        let ca_bundle = std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()).map(PathBuf::from);
        Self { ca_bundle, proxy: Proxy::FromEnvironment }
    }
}

/// The connectors, each built when it is first asked for. A failure is not kept: the user may mend its cause while the
/// daemon runs.
#[derive(Debug)]
pub(super) struct Http {
    net: NetSettings,
    remote: OnceLock<SharedHttpConnector>,
    local_tls: OnceLock<SharedHttpConnector>,
    local_plain: OnceLock<SharedHttpConnector>,
}

impl Http {
    pub(super) fn new(net: NetSettings) -> Self {
        Self { net, remote: OnceLock::new(), local_tls: OnceLock::new(), local_plain: OnceLock::new() }
    }

    /// The connector for a site. Building it parses some hundred certificates off the caller's thread.
    pub(super) async fn connector(self: Arc<Self>, site: &StsSite) -> Result<SharedHttpConnector, StsError> {
        let route = Route::of(site);
        if let Some(connector) = self.slot(route).get() {
            return Ok(connector.clone());
        }
        tokio::task::spawn_blocking(move || {
            let connector = SharedHttpConnector::new(self.build(route)?);
            Ok(self.slot(route).get_or_init(|| connector).clone())
        })
        .await
        // The SDK's client panics where it cannot load a root.
        .map_err(|_panicked| StsError::Setup("the TLS client cannot be built".to_owned()))?
    }

    fn slot(&self, route: Route) -> &OnceLock<SharedHttpConnector> {
        match route {
            Route::Remote => &self.remote,
            Route::LocalTls => &self.local_tls,
            Route::LocalPlain => &self.local_plain,
        }
    }

    fn build(&self, route: Route) -> Result<Connector, StsError> {
        let trust = match route {
            Route::Remote | Route::LocalTls => trust_store(self.net.ca_bundle.as_deref())?,
            // No TLS, no roots: nothing is read from the disk.
            Route::LocalPlain => TrustStore::empty(),
        };
        let proxy = match (route, &self.net.proxy) {
            (Route::LocalTls | Route::LocalPlain, _) | (Route::Remote, Proxy::Never) => {
                ProxyConfig::disabled()
            }
            (Route::Remote, Proxy::FromEnvironment) => ProxyConfig::from_env(),
            (Route::Remote, Proxy::Always(address)) => ProxyConfig::all(address.as_str()).map_err(
                // Its address may hold a password.
                |_hidden| StsError::Setup("the proxy's address cannot be used".to_owned()),
            )?,
        };
        let context = TlsContext::builder().with_trust_store(trust).build();
        let context =
            context.map_err(|_hidden| StsError::Setup("the TLS client cannot be built".to_owned()))?;
        let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build();
        Ok(ConnectorBuilder::default()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(context)
            .proxy_config(proxy)
            .connector_settings(settings)
            // No connection is used twice: one that the server has meanwhile closed would fail under a code, and
            // calls are hours apart.
            .pool_max_idle_per_host(0)
            .build())
    }
}

/// The three ways to a site.
#[derive(Clone, Copy, Debug)]
enum Route {
    /// Another machine: TLS, and the proxy.
    Remote,
    /// This machine with TLS.
    LocalTls,
    /// This machine without TLS.
    LocalPlain,
}

impl Route {
    fn of(site: &StsSite) -> Self {
        let is_plain = |url: &EndpointUrl| {
            url.as_str().parse::<http::Uri>().is_ok_and(|uri| uri.scheme_str() == Some("http"))
        };
        match &site.endpoint {
            Some(url) if url.is_loopback() && is_plain(url) => Self::LocalPlain,
            Some(url) if url.is_loopback() => Self::LocalTls,
            _ => Self::Remote,
        }
    }
}

/// What one call's requests go through: the kept connector, a bound on the answer, and an eye on the server's clock.
///
/// It is an [`HttpClient`] of its own because the SDK's builds a connector, roots and all, for each client.
#[derive(Clone)]
pub(super) struct Line {
    connector: SharedHttpConnector,
    date: ServerDate,
}

impl Line {
    pub(super) fn new(connector: SharedHttpConnector, date: ServerDate) -> Self {
        Self { connector, date }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

impl HttpClient for Line {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let line = self.clone();
        HttpConnectorFuture::new(async move {
            let response = line.connector.call(request).await?;
            line.date.note(response.headers().get("date"));
            Ok(limited(response))
        })
    }
}

/// The answer with an end: reading beyond the bound fails.
fn limited(mut response: HttpResponse) -> HttpResponse {
    let body = response.take_body();
    *response.body_mut() = SdkBody::from_body_1_x(Limited::new(body, LARGEST_ANSWER));
    response
}

/// The `Date` of the last answer, by the server's clock.
#[derive(Clone, Debug, Default)]
pub(super) struct ServerDate(Arc<Mutex<Option<DateTime<Utc>>>>);

impl ServerDate {
    /// The server's time, where its last answer told it.
    pub(super) fn get(&self) -> Option<DateTime<Utc>> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, header: Option<&str>) {
        // RFC 9110, IMF-fixdate, is a form of RFC 2822's.
        let date = header.and_then(|text| DateTime::parse_from_rfc2822(text).ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date.map(|date| date.to_utc());
    }
}
