//! Which way a call takes: regional endpoints, proxies, this machine.

use super::*;

/// A proxy for all, and roots of our own: a machine may have none.
fn through(proxy: String) -> NetSettings {
    let bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/src/adapters/sts/tests/tls/ca.pem");
    NetSettings { ca_bundle: Some(bundle.into()), proxy: Proxy::Always(proxy) }
}

/// Calls through a proxy that refuses; where the proxy was asked to connect to.
fn asked_of_proxy(site: &StsSite) -> String {
    let refusal = b"HTTP/1.1 407 X\r\nContent-Length: 0\r\n\r\n".to_vec();
    let proxy = Server::start(vec![Step::Answer(refusal)]);
    let net = through(proxy.url());
    let result = session(&sts(net), site);
    assert_eq!(result.err(), Some(StsError::Unreachable("the proxy asks for a password")));
    let requests = proxy.requests();
    assert_eq!(requests.len(), 1);
    requests[0].head.lines().next().unwrap().to_owned()
}

#[test]
fn a_region_has_its_own_endpoint() {
    let check = |site: StsSite, host: &str| {
        assert_eq!(asked_of_proxy(&site), format!("CONNECT {host}:443 HTTP/1.1"));
    };
    check(regional("eu-west-1"), "sts.eu-west-1.amazonaws.com");
    check(regional("us-east-1"), "sts.us-east-1.amazonaws.com");
    check(regional("cn-north-1"), "sts.cn-north-1.amazonaws.com.cn");
    check(regional("aws-global"), "sts.amazonaws.com");
    check(StsSite { fips: true, ..regional("us-east-1") }, "sts-fips.us-east-1.amazonaws.com");
    check(StsSite { dualstack: true, ..regional("us-east-1") }, "sts.us-east-1.api.aws");
    check(site("https://sts.example.org/path"), "sts.example.org");
}

#[test]
fn a_proxy_never_carries_a_call_to_this_machine() {
    let server = Server::start(vec![good_session(Some(now()), in_one_hour())]);
    let proxy = Server::start(vec![Step::DropRead]);
    let net = through(proxy.url());
    for url in [server.url(), format!("http://localhost:{}", server.port())] {
        drop(session(&sts(net.clone()), &site(&url)));
    }
    assert_eq!(server.requests().len(), 2);
    // With TLS too; nobody answers there.
    for url in [format!("https://127.0.0.1:{CLOSED_PORT}"), format!("https://localhost:{CLOSED_PORT}")] {
        let result = session(&sts(net.clone()), &site(&url));
        assert_eq!(result.err(), Some(StsError::Unreachable("the connection was refused")));
    }
    assert_eq!(proxy.requests().len(), 0);
}

#[test]
fn without_tls_no_certificate_is_looked_at() {
    let server = Server::start(vec![good_session(Some(now()), in_one_hour())]);
    let net = NetSettings { ca_bundle: Some("/nonexistent/bundle.pem".into()), proxy: Proxy::Never };
    session(&sts(net), &site(&server.url())).unwrap();
}

#[test]
fn a_dead_proxy_is_named() {
    let address = format!("http://127.0.0.1:{CLOSED_PORT}");
    let net = through(address);
    let result = session(&sts(net), &regional("eu-west-1"));
    assert_eq!(result.err(), Some(StsError::Unreachable("the proxy cannot be reached")));
}

#[test]
fn what_cannot_be_combined_or_parsed_is_said_before_any_request() {
    let server = Server::start(vec![]);
    for site in
        [StsSite { fips: true, ..site(&server.url()) }, StsSite { dualstack: true, ..site(&server.url()) }]
    {
        let result = session(&sts(direct()), &site);
        let why = "an endpoint of one's own is neither the FIPS nor the dual-stack endpoint";
        assert_eq!(result.err(), Some(StsError::Setup(why.to_owned())));
    }
    let net = through("http://u:SENTINEL@[".to_owned());
    let result = session(&sts(net), &regional("eu-west-1"));
    assert_eq!(result.err(), Some(StsError::Setup("the proxy's address cannot be used".to_owned())));
    assert_eq!(server.requests().len(), 0);
}
