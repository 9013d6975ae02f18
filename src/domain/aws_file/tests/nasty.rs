//! Files with everything that parsers of AWS's files stumble over, for property tests.

use proptest::prelude::*;
use proptest::sample::select;

use super::traps::{ODD_HEADERS, ODD_LINES};

/// The sections among which edits choose: few, so that files have them twice.
pub(crate) const SECTIONS: [&str; 5] = ["default", "a", "b", "tail", "new"];

const KEYS: [&str; 12] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_security_token",
    "x_security_token_expires",
    "expiration",
    "region",
    "x",
    "AWS_ACCESS_KEY_ID",
    "Region",
    "AWS_SESSION_TOKEN",
    "s3",
];

const VALUES: [&str; 30] = [
    "ASIAOLDOLDOLDOLDOLD1",
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "token/with+padding==",
    "2026-11-22T03:04:05Z",
    "eu-central-1",
    "",
    "v",
    "v w",
    "v # c",
    "v ; c",
    "v\t# c",
    "v#c;d",
    "#v",
    "; v",
    "\"v\"",
    "'v'",
    "\"v",
    "v = w",
    "v: w",
    "100%",
    "\u{a0}v\u{a0}",
    "v\u{a0}# c",
    "v\u{b}",
    "\u{c}v",
    "v\u{200b}",
    "v\u{85}w",
    "v\u{1c}",
    "schl\u{fc}ssel",
    "v\\",
];

const NESTED: [&str; 10] =
    ["max = 1", "path=v # c", "# c", "; c", "a = ", "Max = 2", "word", "# a = b", "[tail]", "[b] # c"];

fn key_line() -> impl Strategy<Value = String> {
    let equals = select(vec![" = ", "=", "= ", " =", "\t=\t"]);
    (select(&KEYS[..]), equals, prop_oneof![4 => select(&VALUES[..6]), 1 => select(&VALUES[..])])
        .prop_map(|(key, equals, value)| format!("{key}{equals}{value}"))
}

fn header() -> impl Strategy<Value = String> {
    prop_oneof![5 => select(&SECTIONS[..]).prop_map(|name| format!("[{name}]")), 2 => odd_header()]
}

fn odd_header() -> impl Strategy<Value = String> {
    select(&ODD_HEADERS[..]).prop_map(str::to_owned)
}

fn config_header() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        select(&SECTIONS[1..]).prop_map(|name| format!("[profile {name}]")),
        Just("[default]".to_owned())
    ];
    prop_oneof![4 => name, 2 => odd_header()]
}

fn indented(of: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (select(vec![" ", "  ", "\t", "\u{a0}"]), of).prop_map(|(blank, line)| format!("{blank}{line}"))
}

/// A line that most parsers read alike.
fn plain_line() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => key_line(),
        2 => Just(String::new()),
        1 => select(vec!["# c", "; c", "#[a]", ";x = v", "  ", "#"]).prop_map(str::to_owned),
    ]
}

/// A line with a trap.
fn odd_line() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => indented(key_line()),
        3 => select(vec!["s3 =\n  max = 1", "s3 =\n  max = 1\n\n  path = v", "x =\n\ta = b", "x =\n  # c\n  a = b"])
            .prop_map(str::to_owned),
        3 => indented(select(&NESTED[..]).prop_map(str::to_owned)),
        2 => select(&ODD_LINES[..]).prop_map(str::to_owned),
        1 => indented(header()),
        1 => "[a-z =:#\\[\\]\t]{0,8}",
    ]
}

fn of_lines(header: impl Strategy<Value = String> + 'static, odd: u32) -> impl Strategy<Value = String> {
    let end = prop_oneof![20 => Just("\n"), 3 => Just("\r\n"), 1 => Just("\r"), 1 => Just("\r\r\n")];
    let line = prop_oneof![3 => header, 8 => plain_line(), odd => odd_line()];
    let mark = prop_oneof![30 => Just(""), 1 => Just("\u{feff}"), 30 => Just("[default]\n")];
    (mark, prop::collection::vec((line, end), 0..16), any::<bool>()).prop_map(|(mark, lines, cut)| {
        let text: String = lines.into_iter().flat_map(|(line, end)| [line, end.to_owned()]).collect();
        let text = if cut { text.trim_end_matches(['\r', '\n']) } else { &text };
        format!("{mark}{text}")
    })
}

/// No lines at all, only the characters that parsers look at.
fn soup() -> impl Strategy<Value = String> {
    let pieces = vec![
        "[",
        "]",
        "[a]",
        "[profile ",
        "[default]",
        "\n",
        "\n",
        "\n",
        "\r",
        " ",
        " ",
        "\t",
        "=",
        "=",
        ":",
        "#",
        ";",
        "\"",
        "'",
        "\\",
        ".",
        "a",
        "b",
        "K",
        "\u{a0}",
        "\u{b}",
        "\u{1f}",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{3000}",
        "\u{df}",
        "\u{130}",
        "sso-session",
        "profile",
        "s3 =\n  ",
        "\na = ",
        "__proto__",
    ];
    let head = select(vec!["", "[a]\n", "[a]\n", "[profile a]\n", "[default]\nx = "]);
    (head, prop::collection::vec(select(pieces), 0..24))
        .prop_map(|(head, pieces)| format!("{head}{}", pieces.concat()))
}

/// A credentials file of any kind: some that all parsers read alike, and many that they don't.
pub(crate) fn credentials() -> impl Strategy<Value = String> {
    let plain = select(&SECTIONS[..]).prop_map(|name| format!("[{name}]"));
    prop_oneof![
        of_lines(header(), 3),
        of_lines(header(), 0),
        of_lines(plain, 1),
        sections(),
        sections(),
        soup()
    ]
}

/// A config file of any kind.
pub(crate) fn config() -> impl Strategy<Value = String> {
    prop_oneof![of_lines(config_header(), 3), of_lines(config_header(), 0), soup()]
}

/// Each section once and each key once in it, so that strict parsers go on to the traps, of which there are few.
fn sections() -> impl Strategy<Value = String> {
    let body = (
        prop::sample::subsequence(&KEYS[..8], 0..6),
        prop::collection::vec(prop_oneof![3 => select(&VALUES[..6]), 1 => select(&VALUES[..])], 8),
        prop::option::weighted(0.3, odd_line()),
        prop::collection::vec(prop_oneof![6 => Just(""), 1 => Just("\n"), 1 => Just("# c\n")], 9),
    );
    let body = body.prop_map(|(keys, values, odd, noise)| {
        let lines = keys
            .iter()
            .zip(&values)
            .zip(&noise)
            .map(|((key, value), noise)| format!("{key} = {value}\n{noise}"));
        let lines: String = lines.collect();
        odd.map_or(lines.clone(), |odd| format!("{lines}{odd}\n{}", noise.concat()))
    });
    let names = prop::sample::subsequence(SECTIONS.to_vec(), 1..5).prop_shuffle();
    let odd = prop::option::weighted(0.2, odd_header());
    (names, prop::collection::vec(body, 6), odd, any::<bool>()).prop_map(|(names, bodies, odd, cut)| {
        let heads = names.iter().map(|name| format!("[{name}]")).chain(odd);
        let text =
            heads.zip(bodies).map(|(head, body)| format!("{head}\n{body}")).collect::<Vec<_>>().concat();
        if cut { text.trim_end_matches('\n').to_owned() } else { text }
    })
}
