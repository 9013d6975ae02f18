//! AWS's own settings, with the SDK's own parser and its own order of precedence.

mod adapter;

#[cfg(test)]
mod tests;

pub use adapter::SdkAwsSettings;
