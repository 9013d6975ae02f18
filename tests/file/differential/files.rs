//! The files: the corpus, and more of them, made of the common grammar and of the traps that divide the parsers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::traps::{ODD_HEADERS, ODD_LINES};
use crate::random::Random;

/// A file to be edited.
pub(super) struct File {
    /// Where it comes from, for messages.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    /// The sections to put a session into: there, not there, the default one.
    pub(super) targets: [&'static str; 3],
}

/// The corpus' credentials files, as they are, and with the targets' long-term keys made temporary: over a long-term
/// key nothing is written.
pub(super) fn corpus() -> Vec<File> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/aws_file");
    let manifest = fs::read_to_string(directory.join("manifest.json")).unwrap();
    let manifest: BTreeMap<String, String> = serde_json::from_str(&manifest).unwrap();
    let targets = ["tail", "new", "default"];
    let both = |name: String| {
        let bytes = fs::read(directory.join(&name)).unwrap();
        let temporary = str::from_utf8(&bytes).ok().map(|text| {
            let text = text.replace("AKIA", "ASIA");
            let with_token = |text: String, name: &str| {
                text.replace(&format!("[{name}]\n"), &format!("[{name}]\naws_session_token = old\n"))
            };
            with_token(with_token(text, "tail"), "default").into_bytes()
        });
        let made = temporary.map(|bytes| File { name: format!("{name}, temporary"), bytes, targets });
        [Some(File { name, bytes, targets }), made].into_iter().flatten()
    };
    manifest.into_iter().filter(|(_, kind)| kind == "credentials").flat_map(|(name, _)| both(name)).collect()
}

/// `count` files, every other one within the grammar that all parsers share. The same number gives the same files.
pub(super) fn generated(count: u64) -> Vec<File> {
    let one = |seed| {
        let nasty = seed % 2 == 1;
        let (text, kind) =
            (Author { random: Random::new(seed) }.file(nasty), if nasty { "nasty" } else { "tame" });
        File { name: format!("{kind} file {seed}"), bytes: text, targets: ["work", "new", "default"] }
    };
    (0..count).map(one).collect()
}

const KEYS: [&str; 10] = [
    "region",
    "output",
    "mfa_serial",
    "role_arn",
    "source_profile",
    "cli_pager",
    "x_principal_arn",
    "retry_mode",
    "expiration",
    "aws_security_token",
];
const NAMES: [&str; 8] =
    ["work", "default", "dev", "prod-eu", "123456789012", "a.b/c%d@e:f+g_h", "Default", "new2"];

/// What is done to a file as a whole.
const TWISTS: [fn(&str) -> Vec<u8>; 8] = [
    |text| [b"\xef\xbb\xbf", text.as_bytes()].concat(),
    |text| text.replacen('\n', "\r", 1).into_bytes(),
    |text| text.replacen('\n', "\0\n", 1).into_bytes(),
    |text| [text.as_bytes(), b"# na\xefve\n"].concat(),
    |text| [text, text].concat().into_bytes(),
    |text| text.replacen('\n', "\r\n", 3).into_bytes(),
    |text| text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes(),
    |text| format!("{text}x = {}\n", "long".repeat(4096)).into_bytes(),
];

/// Writes files by chance.
struct Author {
    random: Random,
}

impl Author {
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.random.below(u64::try_from(bound).unwrap())).unwrap()
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn file(&mut self, nasty: bool) -> Vec<u8> {
        let mut lines = Vec::new();
        self.noise(&mut lines);
        let mut names = NAMES.to_vec();
        for _ in 0..=self.below(5) {
            let name = names.swap_remove(self.below(names.len()));
            self.section(name, &mut lines);
        }
        if nasty {
            for _ in 0..=self.below(3) {
                let (at, header) = (self.below(lines.len() + 1), self.one_in(3));
                let trap = self.pick(if header { &ODD_HEADERS[..] } else { &ODD_LINES[..] });
                lines.insert(at, trap.to_owned());
            }
        }
        let mut text = lines.join("\n") + self.pick(&["\n", "\n", "\n\n", ""]);
        if self.one_in(4) {
            text = text.replace('\n', "\r\n");
        }
        if nasty && self.one_in(4) { self.pick(&TWISTS)(&text) } else { text.into_bytes() }
    }

    fn section(&mut self, name: &str, lines: &mut Vec<String>) {
        lines.push(format!("[{name}]{}", self.pick(&["", "", "", "  ", "\t", " # note", "\t; note"])));
        self.noise(lines);
        let temporary = !self.one_in(4);
        let mut keys = vec![];
        if !self.one_in(5) {
            let id = if temporary { "ASIA" } else { "AKIA" };
            let digits: String = (0..16).map(|_| self.pick(&['A', 'B', 'Y', 'Z', '2', '7'])).collect();
            keys.push(("aws_access_key_id", format!("{id}{digits}")));
            keys.push(("aws_secret_access_key", self.value()));
        }
        if temporary {
            keys.push(("aws_session_token", self.value()));
        }
        let mut others = KEYS.to_vec();
        for _ in 0..self.below(4) {
            keys.push((others.swap_remove(self.below(others.len())), self.value()));
        }
        while !keys.is_empty() {
            let (key, value) = keys.swap_remove(self.below(keys.len()));
            let equals = self.pick(&[" = ", " = ", "=", " =", "= ", "\t=\t"]);
            lines.push(format!("{key}{equals}{value}{}", self.pick(&["", "", "", " ", "\t"])));
            self.noise(lines);
        }
        if self.one_in(4) {
            let blanks = self.pick(&["  ", "    ", "\t"]);
            lines.push(format!("s3 =\n{blanks}addressing_style = path\n{blanks}max_queue_size = 20\n"));
        }
    }

    /// Comments and empty lines.
    fn noise(&mut self, lines: &mut Vec<String>) {
        while self.one_in(3) {
            let line = self.pick(&["", "", "# comment", ";comment", "#[x]", "#aws_access_key_id = Z", "   "]);
            lines.push(line.to_owned());
        }
    }

    /// A value that every parser reads alike.
    fn value(&mut self) -> String {
        let alphabet: Vec<char> = ('!'..='~').collect();
        let length = self.pick(&[1, 3, 8, 20, 40, 40, 400]);
        let value: String = (0..length).map(|_| self.pick(&alphabet)).collect();
        let value = value.trim_start_matches(['#', ';', '"', '\'']).trim_end_matches(['"', '\'']);
        if value.is_empty() { "v".to_owned() } else { value.to_owned() }
    }
}
