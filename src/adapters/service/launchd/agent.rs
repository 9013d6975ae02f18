//! The text of the `LaunchAgent`: what stands in `launchd/` of the source, with the running program in it.

use std::path::Path;

use plist::{Dictionary, Value};

use crate::domain::service::mark;

const SHIPPED: &str = include_str!("../../../../launchd/io.github.stsd.plist");

/// The key that names the program.
const PROGRAM: &str = "ProgramArguments";

/// The agent for the program at an absolute path, whose words go to `log`.
///
/// `None` if the shipped agent were no property list, which a test excludes.
pub(super) fn agent(program: &str, log: &Path) -> Option<String> {
    let mut agent = shipped()?;
    let words = [program, "daemon"].map(|word| Value::String(word.to_owned()));
    agent.insert(PROGRAM.to_owned(), Value::Array(words.into()));
    agent.insert("StandardErrorPath".to_owned(), Value::String(log.to_str()?.to_owned()));
    let mut bytes = Vec::new();
    Value::Dictionary(agent).to_writer_xml(&mut bytes).ok()?;
    let text = String::from_utf8(bytes).ok()? + "\n";
    // A comment may stand anywhere but before the declaration.
    let (declaration, rest) = text.split_once('\n')?;
    let rest = format!("{declaration}\n{rest}");
    let line = format!("<!-- Written by {} -->\n", mark(&rest));
    Some(rest.replacen('\n', &format!("\n{line}"), 1))
}

/// True if an agent says what the shipped one says, whatever its comments and its program: it was copied by hand.
pub(super) fn is_a_copy(found: &str) -> bool {
    let plain = |agent: Option<Dictionary>| {
        agent.map(|mut agent| {
            agent.remove(PROGRAM);
            agent
        })
    };
    let found = plain(read(found));
    found.is_some() && found == plain(shipped())
}

fn shipped() -> Option<Dictionary> {
    read(SHIPPED)
}

fn read(text: &str) -> Option<Dictionary> {
    Value::from_reader_xml(text.as_bytes()).ok()?.into_dictionary()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::service::{Standing, standing};

    const LOG: &str = "/Users/al & ice/Library/Logs/stsd/stsd.log";

    fn written(program: &str) -> String {
        agent(program, Path::new(LOG)).unwrap()
    }

    #[test]
    fn launchd_reads_the_path_that_was_meant() {
        for program in
            ["/opt/homebrew/bin/stsd", "/Users/a b/<x>&\"'$HOME%h\\/stsd", "/Users/ünï/]]>/--/stsd"]
        {
            let read = read(&written(program)).unwrap();
            let words: Vec<_> =
                read[PROGRAM].as_array().unwrap().iter().map(|word| word.as_string().unwrap()).collect();
            assert_eq!(words, [program, "daemon"]);
            assert_eq!(read["StandardErrorPath"].as_string(), Some(LOG));
        }
    }

    #[test]
    fn an_agent_says_what_the_source_says_and_whose_it_is() {
        let text = written("/opt/homebrew/bin/stsd");
        let mut found = read(&text).unwrap();
        found.remove("StandardErrorPath").unwrap();
        found.insert(PROGRAM.to_owned(), shipped().unwrap()[PROGRAM].clone());
        assert_eq!(found, shipped().unwrap());
        assert!(
            text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- Written by stsd service"),
            "{text}"
        );
        assert_eq!(standing(&text, &written("/usr/local/bin/stsd"), is_a_copy), Standing::Outdated);
        let edited = text.replace("<integer>60</integer>", "<integer>6</integer>");
        assert_eq!(standing(&edited, &text, is_a_copy), Standing::Edited);
    }

    #[test]
    fn a_copy_by_hand_is_known_whatever_its_program() {
        assert!(is_a_copy(SHIPPED));
        assert!(is_a_copy(&SHIPPED.replace("/Users/YOU/.cargo/bin", "/opt/bin")));
        assert!(!is_a_copy(&SHIPPED.replace("<integer>63</integer>", "<integer>18</integer>")));
        assert!(!is_a_copy("") && !is_a_copy("<plist><array/></plist>"));
    }
}
