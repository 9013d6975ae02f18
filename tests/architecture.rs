//! Holds the layers apart and keeps a few things in their homes.
//!
//! Works on tokens, so comments and strings do not count; tests inside `src` may do as they like.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use proc_macro2::{TokenStream, TokenTree};

/// Each layer and the layers that it may name besides itself.
const LAYERS: [(&str, &[&str]); 14] = [
    ("main", &["cli"]),
    (
        "cli",
        &[
            "adapters", "daemon", "client", "usecase", "protocol", "socket", "ports", "config", "domain",
            "paths", "logging",
        ],
    ),
    ("daemon", &["usecase", "ports", "protocol", "socket", "config", "domain"]),
    ("client", &["protocol", "socket", "domain"]),
    ("protocol", &["domain"]),
    ("socket", &[]),
    ("adapters", &["ports", "config", "domain"]),
    ("usecase", &["ports", "config", "domain"]),
    ("ports", &["domain"]),
    ("config", &["domain"]),
    ("domain", &[]),
    ("paths", &[]),
    ("logging", &[]),
    (
        "lib",
        &[
            "adapters", "cli", "client", "daemon", "usecase", "protocol", "socket", "ports", "config",
            "domain", "paths", "logging",
        ],
    ),
];

/// What only the shell may name: the operating system, the network, AWS's crates.
const WORLD: [&str; 18] = [
    "std::fs",
    "std::env",
    "std::process",
    "std::os",
    "std::thread",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "tokio",
    "rustix",
    "zbus",
    "keyring_core",
    "zbus_secret_service_keyring_store",
    "apple_native_keyring_store",
    "getrandom",
    "directories",
    "rpassword",
    "clap",
];

/// AWS's crates, by the beginning of their names.
const AWS: [&str; 6] =
    ["aws_sdk_", "aws_config", "aws_runtime", "aws_types", "aws_smithy_", "aws_credential_"];

/// The layers without a world.
const PURE: [&str; 5] = ["domain", "ports", "protocol", "config", "usecase"];

/// Names with few homes: the tokens, and the files (or folders) that may contain them.
const HOMES: [(&str, &[&str]); 12] = [
    ("Utc::now", &["adapters/clock.rs"]),
    ("Local::now", &[]),
    ("SystemTime::now", &["adapters/clock.rs"]),
    // Deadlines of a wait, which no clock change may move.
    ("Instant::now", &["adapters/session_store/", "adapters/keychain/", "adapters/lock.rs"]),
    ("println", &[]),
    ("eprintln", &[]),
    ("print", &[]),
    ("eprint", &[]),
    ("dbg", &[]),
    ("process::exit", &[]),
    ("process::abort", &[]),
    (
        "expose_secret",
        &[
            "domain/keys.rs",
            "domain/key_item.rs",
            "domain/mfa.rs",
            "domain/totp.rs",
            "domain/fingerprint.rs",
            "domain/aws_file/",
            "adapters/keychain/secret_service.rs",
            "adapters/keychain/macos.rs",
            "adapters/sts/call.rs",
            "protocol/message.rs",
            "cli/commands/refresh.rs",
            "cli/commands/seed.rs",
        ],
    ),
];

#[test]
fn every_file_keeps_to_its_layer_and_its_homes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    let mut found = Vec::new();
    for file in rust_files(&root) {
        let path = file.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        found.extend(violations(&path, &fs::read_to_string(&file).unwrap()));
        seen += 1;
    }
    assert!(seen > 30, "only {seen} files were looked at");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in rust_files(&root) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 400, "{} has {lines} lines", file.display());
    }
}

#[test]
fn a_layer_that_names_one_above_it_is_found() {
    let check = |path: &str, source: &str, expected: &[&str]| {
        assert_eq!(violations(path, source), expected, "{path}: {source}");
    };
    check("domain/keys.rs", "use crate::ports::Answer;", &["domain/keys.rs: names ports"]);
    check("domain/keys.rs", "use crate::{domain::mfa, cli::run};", &["domain/keys.rs: names cli"]);
    check("domain/keys.rs", "fn f() { crate::usecase::add() }", &["domain/keys.rs: names usecase"]);
    check(
        "domain/session/mod.rs",
        "use super::super::config::Config;",
        &["domain/session/mod.rs: names config"],
    );
    check("usecase/add.rs", "use crate::adapters::clock;", &["usecase/add.rs: names adapters"]);
    check("usecase/add.rs", "use crate::daemon::run;", &["usecase/add.rs: names daemon"]);
    check("daemon/engine.rs", "use crate::adapters::clock;", &["daemon/engine.rs: names adapters"]);
    check("client.rs", "use crate::usecase::add;", &["client.rs: names usecase"]);
    check("adapters/clock.rs", "use crate::usecase::add;", &["adapters/clock.rs: names usecase"]);
    check("main.rs", "fn main() { stsd::domain::x() }", &["main.rs: names domain"]);
    check("domain/keys.rs", "use tokio::sync;", &["domain/keys.rs: names tokio"]);
    check("usecase/add.rs", "use std::fs::File;", &["usecase/add.rs: names std::fs"]);
    check("usecase/add.rs", "use std::{fmt, fs};", &["usecase/add.rs: names std::fs"]);
    check("ports/sts.rs", "use aws_sdk_sts::Client;", &["ports/sts.rs: names aws_sdk_sts"]);
    check("domain/keys.rs", "use tracing::info;", &["domain/keys.rs: names tracing"]);
    check("unknown/x.rs", "", &["unknown/x.rs: is in no layer"]);
}

#[test]
fn a_name_away_from_its_home_is_found() {
    let check = |path: &str, source: &str, expected: &[&str]| {
        assert_eq!(violations(path, source), expected, "{path}: {source}");
    };
    check("usecase/add.rs", "fn f() { chrono::Utc::now(); }", &["usecase/add.rs: contains Utc::now"]);
    check("cli/mod.rs", "fn f() { println!(\"\"); }", &["cli/mod.rs: contains println"]);
    check("cli/mod.rs", "fn f() { std::process::exit(1); }", &["cli/mod.rs: contains process::exit"]);
    check("usecase/add.rs", "fn f(s: S) { s.expose_secret(); }", &["usecase/add.rs: contains expose_secret"]);
    check("cli/mod.rs", "fn f() { g(S::expose_secret); }", &["cli/mod.rs: contains expose_secret"]);
}

#[test]
fn what_is_allowed_is_left_alone() {
    for (path, source) in [
        ("usecase/add.rs", "use crate::ports::Answer; use super::Ports; use crate::usecase::refresh;"),
        ("adapters/clock.rs", "fn f() { chrono::Utc::now(); }"),
        (
            "domain/keys.rs",
            "// crate::cli\nconst X: &str = \"crate::cli println!\"; fn f(s: S) { s.expose_secret(); }",
        ),
        ("domain/keys.rs", "#[cfg(test)] mod tests { use crate::cli; fn f() { println!(); } }"),
        ("domain/session/tests.rs", "use crate::cli;"),
        ("domain/endpoint.rs", "use std::net::IpAddr;"),
    ] {
        assert_eq!(violations(path, source), Vec::<String>::new(), "{path}");
    }
}

/// What a file does that its place does not allow.
fn violations(path: &str, source: &str) -> Vec<String> {
    let modules = modules(path);
    let layer = modules.first().map_or("lib", String::as_str);
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
        return vec![format!("{path}: is in no layer")];
    };
    if modules.iter().any(|module| module == "tests") {
        return Vec::new();
    }
    let mut paths = Vec::new();
    collect(TokenStream::from_str(source).unwrap(), &mut paths);
    let mut found = Vec::new();
    for named in &paths {
        let target = layer_named(named, &modules);
        if let Some(target) = target.filter(|target| *target != layer && !allowed.contains(target)) {
            found.push(format!("{path}: names {target}"));
        }
        if PURE.contains(&layer) {
            let crates = if named.len() > 1 { named.first() } else { None };
            let aws = crates.filter(|first| AWS.iter().any(|aws| first.starts_with(aws))).map(String::as_str);
            let log = (layer == "domain" && named.first().is_some_and(|first| first == "tracing"))
                .then_some("tracing");
            let world = WORLD.into_iter().find(|world| begins_with(named, world));
            found.extend(aws.or(log).or(world).map(|name| format!("{path}: names {name}")));
        }
        for (name, homes) in HOMES {
            if contains(named, name) && !homes.iter().any(|home| path.starts_with(home)) {
                found.push(format!("{path}: contains {name}"));
            }
        }
    }
    found.dedup();
    found
}

/// The module path of a file: `domain/session/mod.rs` is `domain::session`.
fn modules(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').filter(|part| *part != "lib").map(ToOwned::to_owned).collect()
}

/// The layer that a path leads to, if it leads into this crate.
fn layer_named<'a>(named: &'a [String], modules: &[String]) -> Option<&'a str> {
    let first = named.first()?;
    if first == "crate" || first == "stsd" {
        return named.get(1).map(String::as_str);
    }
    let supers = named.iter().take_while(|part| *part == "super").count();
    (supers > 0 && supers == modules.len()).then(|| named.get(supers).map(String::as_str)).flatten()
}

fn begins_with(named: &[String], prefix: &str) -> bool {
    let prefix: Vec<_> = prefix.split("::").collect();
    named.len() >= prefix.len() && named.iter().zip(&prefix).all(|(a, b)| a == b)
}

fn contains(named: &[String], name: &str) -> bool {
    let name: Vec<_> = name.split("::").collect();
    named.windows(name.len()).any(|window| window.iter().zip(&name).all(|(a, b)| a == b))
}

/// Every path in a stream of tokens, with the groups of `use` written out; single names too. Inline test modules are
/// left out.
fn collect(stream: TokenStream, paths: &mut Vec<Vec<String>>) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Ident(word) if *word == "mod" && next_is(&tokens, at + 1, "tests") => at += 3,
            TokenTree::Ident(_) => at = path(&tokens, at, Vec::new(), paths),
            TokenTree::Group(group) => {
                collect(group.stream(), paths);
                at += 1;
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
        }
    }
}

/// Reads one path that begins at `at`; returns where it ends.
fn path(tokens: &[TokenTree], mut at: usize, mut so_far: Vec<String>, paths: &mut Vec<Vec<String>>) -> usize {
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(word)) => {
                so_far.push(word.to_string());
                at += 1;
            }
            Some(TokenTree::Group(group)) if !so_far.is_empty() => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let mut inside = 0;
                while let Some(token) = inner.get(inside) {
                    inside = match token {
                        TokenTree::Ident(_) => path(&inner, inside, so_far.clone(), paths),
                        TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => inside + 1,
                    };
                }
                return at + 1;
            }
            _ => break,
        }
        if is_colon(tokens.get(at)) && is_colon(tokens.get(at + 1)) {
            at += 2;
        } else {
            break;
        }
    }
    paths.push(so_far);
    at
}

fn next_is(tokens: &[TokenTree], at: usize, word: &str) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Ident(next)) if *next == word)
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':')
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
