//! AWS's STS through the SDK.
//!
//! [`SdkSts`] makes the calls; [`NetSettings`] says how the network is reached. The files beside this one:
//! `http` and `trust` the one HTTPS client, `call` one call's SDK client, `skew` the clock of the signature,
//! `answer` what is taken from an answer, `classify` and `network` what is made of a failure.
//!
//! What is absent: a retry, a credential chain, the instance metadata service, a redirect, and any use of an SDK
//! error's text, which may hold the body of an answer and in it a secret.

mod adapter;
mod answer;
mod call;
mod classify;
mod http;
mod network;
mod skew;
mod trust;

#[cfg(test)]
mod tests;

pub use adapter::SdkSts;
pub use http::{NetSettings, Proxy};
