//! The keychain adapter on gnome-keyring and, where that cannot be made to misbehave so, on an impostor.

mod child;
mod failures;
mod hanging;
mod items;
mod locked;

/// Ids whose last four differ, and their secrets.
const FIRST: (&str, &str) = ("AKIAIOSFODNN7EXAWXYZ", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
const SECOND: (&str, &str) = ("AKIAI44QH8DHBEXAABCD", "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY");
