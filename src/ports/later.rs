//! Ports whose adapters come with the features that need them; their names are fixed here.

/// AWS's IAM: the access keys of a user.
pub trait Iam: Send + Sync {}

/// The dialog that asks for a code.
pub trait Prompter: Send + Sync {}
