//! The text of the units: what stands in `systemd/` of the source, with the running program in it.

use crate::domain::service::mark;

const SERVICE: &str = include_str!("../../../../systemd/stsd.service");
const SOCKET: &str = include_str!("../../../../systemd/stsd.socket");

/// The setting that names the program.
const EXEC_START: &str = "ExecStart=";

/// `stsd.service`, for the program at an absolute path.
pub(super) fn service(program: &str) -> String {
    let line = format!("{EXEC_START}{}", command(program));
    let settings = settings(SERVICE)
        .map(|setting| if setting.starts_with(EXEC_START) { line.as_str() } else { setting });
    marked(settings, "stsd.service")
}

/// `stsd.socket`.
pub(super) fn socket() -> String {
    marked(settings(SOCKET), "stsd.socket")
}

/// True if a unit says what the shipped one says, whatever its comments and its program: it was copied by hand.
pub(super) fn is_a_copy(found: &str) -> bool {
    let plain = |text: &str| -> Vec<String> {
        settings(text)
            .filter(|line| !line.is_empty() && !line.starts_with(EXEC_START))
            .map(ToOwned::to_owned)
            .collect()
    };
    let found = plain(found);
    [SERVICE, SOCKET].into_iter().any(|shipped| plain(shipped) == found)
}

/// The lines of a unit without its comments, which explain the source.
fn settings(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with(['#', ';']))
        .skip_while(|line| line.is_empty())
}

fn marked<'a>(lines: impl Iterator<Item = &'a str>, name: &str) -> String {
    let mut rest = format!(
        "# It is replaced by the next `stsd service install`. Changes of yours belong into a drop-in, which stays:\n\
         #   systemctl --user edit {name}\n\n"
    );
    for line in lines {
        rest.push_str(line);
        rest.push('\n');
    }
    format!("# Written by {}\n{rest}", mark(&rest))
}

/// The command line of the daemon, as systemd reads one.
///
/// systemd takes no quote, no backslash and no control character in the name of a program, however they are written, and
/// expands `$` in the one place and not in the other (systemd.service(5), "Command lines"; seen with 252). Such a program
/// is started by the shell, which gives its process to it.
fn command(program: &str) -> String {
    if program.chars().any(|c| c.is_control() || "\"'\\$".contains(c)) {
        return format!(r#"/bin/sh -c 'exec "$$0" daemon' {}"#, quoted(program));
    }
    format!("{} daemon", quoted(program))
}

/// One word of a command line: in double quotes, with C's escapes, specifiers and variables switched off.
fn quoted(word: &str) -> String {
    let mut quoted = String::from("\"");
    for character in word.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '%' => quoted.push_str("%%"),
            '$' => quoted.push_str("$$"),
            character if character.is_control() => {
                let mut bytes = [0; 4];
                let escaped = character.encode_utf8(&mut bytes).bytes().map(|byte| format!("\\x{byte:02x}"));
                quoted.extend(escaped);
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    // Without need for quotes a person reads the line more easily.
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@=:,".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { quoted }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::domain::service::{Standing, standing};

    /// Paths as they are, each with something that systemd reads as more than a letter.
    const HOSTILE: [&str; 12] = [
        "/usr/bin/stsd",
        "/home/al ice/bin/stsd",
        "/home/100%h/%%/stsd",
        "/home/$HOME/${HOME}/$$/stsd",
        "/home/\"quoted\"/stsd",
        "/home/it's/stsd",
        "/home/back\\slash\\n/stsd",
        "/home/new\nline\ttab/stsd",
        "/home/ünïcødé/ストス/stsd",
        "/home/; rm -rf/#no/stsd",
        "/home/-@!+:|/stsd ",
        "/home/\u{85}\u{7f}/stsd",
    ];

    /// The words of a command line as systemd.service(5) and systemd.syntax(7) describe their reading.
    fn words(line: &str) -> Vec<String> {
        let mut words: Vec<Vec<u8>> = Vec::new();
        let (mut quote, mut inside) = (None, false);
        let mut characters = line.chars().peekable();
        while let Some(character) = characters.next() {
            if quote.is_none() && character == ' ' {
                inside = false;
                continue;
            }
            if !inside {
                words.push(Vec::new());
                inside = true;
            }
            let first = words.len() == 1;
            let word = words.last_mut().unwrap();
            let mut push = |c: char| word.extend(c.encode_utf8(&mut [0; 4]).bytes());
            match character {
                '"' | '\'' if quote == Some(character) => quote = None,
                '"' | '\'' if quote.is_none() => quote = Some(character),
                '\\' => match characters.next().unwrap() {
                    'x' => {
                        let digits: String = (0..2).map(|_| characters.next().unwrap()).collect();
                        word.push(u8::from_str_radix(&digits, 16).unwrap());
                    }
                    escaped @ ('"' | '\'' | '\\') => push(escaped),
                    other => panic!("an escape that is not written: {other}"),
                },
                '%' => {
                    assert_eq!(characters.next(), Some('%'), "a specifier in {line}");
                    push('%');
                }
                '$' if first => panic!("whether $ is expanded in a program's name differs: {line}"),
                '$' => {
                    assert_eq!(characters.next(), Some('$'), "a variable in {line}");
                    push('$');
                }
                other => push(other),
            }
        }
        assert_eq!(quote, None);
        words.into_iter().map(|word| String::from_utf8(word).unwrap()).collect()
    }

    fn exec_start(unit: &str) -> &str {
        unit.lines().find_map(|line| line.strip_prefix(EXEC_START)).unwrap()
    }

    #[test]
    fn systemd_reads_the_path_that_was_meant() {
        for path in HOSTILE {
            let unit = service(path);
            let read = words(exec_start(&unit));
            let expected: &[&str] = match read.first().unwrap().as_str() {
                "/bin/sh" => &["/bin/sh", "-c", "exec \"$0\" daemon", path],
                _ => &[path, "daemon"],
            };
            assert_eq!(read, expected, "{unit}");
            assert_eq!(unit.lines().count(), service("/usr/bin/stsd").lines().count(), "{unit}");
        }
        assert_eq!(exec_start(&service("/usr/bin/stsd")), "/usr/bin/stsd daemon");
    }

    #[test]
    fn systemd_itself_has_nothing_to_say_about_the_units() {
        let place = tempfile::tempdir().unwrap();
        for (number, path) in HOSTILE.into_iter().enumerate() {
            let units = place.path().join(number.to_string());
            let program = units.join(path.strip_prefix('/').unwrap());
            std::fs::create_dir_all(program.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink("/bin/true", &program).unwrap();
            let names = ["stsd.service", "stsd.socket"].map(|name| units.join(name));
            std::fs::write(&names[0], service(program.to_str().unwrap())).unwrap();
            std::fs::write(&names[1], socket()).unwrap();
            let mut verify = Command::new("systemd-analyze");
            verify.args(["--user", "verify"]).args(&names);
            // Without it the manager of a user does not know what %t is.
            let Ok(ended) = verify.env("XDG_RUNTIME_DIR", &units).env("HOME", &units).output() else {
                stsd_test_support::not_run("the installed units: no systemd-analyze to verify them with");
                return;
            };
            let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
            assert!(ended.status.success() && said.is_empty(), "{path}: {said}");
        }
    }

    #[test]
    fn a_unit_says_what_the_source_says_and_whose_it_is() {
        let plain = |text: &str| settings(text).map(ToOwned::to_owned).collect::<Vec<_>>();
        let shipped = "%h/.cargo/bin/stsd daemon";
        let written = service("/usr/bin/stsd");
        assert_eq!(plain(&written.replace("/usr/bin/stsd daemon", shipped)), plain(SERVICE));
        assert_eq!(plain(&socket()), plain(SOCKET));
        assert_eq!(standing(&written, &service("/opt/stsd"), is_a_copy), Standing::Outdated);
        assert_eq!(standing(&socket(), &socket(), is_a_copy), Standing::Current);
    }

    #[test]
    fn a_copy_by_hand_is_known_whatever_its_program() {
        assert!(is_a_copy(SERVICE) && is_a_copy(SOCKET));
        assert!(is_a_copy(&SERVICE.replace("%h/.cargo/bin", "/usr/local/bin")));
        assert!(!is_a_copy(&SERVICE.replace("UMask=0077", "UMask=0022")));
        assert!(!is_a_copy(&format!("{SERVICE}Environment=A=b\n")));
        assert!(!is_a_copy(""));
    }
}
