//! The world: one port per file. The only place for the operating system, the network and AWS's crates.

pub mod aws_settings;
pub mod clock;
pub mod code_command;
pub mod config_file;
pub mod entropy;
pub mod file_watch;
pub mod keychain;
mod lock;
pub mod notifier;
pub mod outside;
pub mod process;
mod program;
pub mod prompter;
mod replace;
pub mod service;
pub mod session_store;
pub mod state_file;
pub mod sts;
pub mod supervisor;
pub mod timer;
