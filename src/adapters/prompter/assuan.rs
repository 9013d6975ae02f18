//! The protocol of pinentry: commands and answers in lines (Assuan manual, "Implementation").
//!
//! Only what asking for a code needs. Whatever the other end sends, no more than a few thousand bytes of it are read,
//! and what it sends is never shown or logged.

use thiserror::Error;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use zeroize::Zeroizing;

/// The longest line, its end included, in bytes.
const LONGEST_LINE: usize = 1000;
/// The most lines of one answer; pinentry needs three.
const MOST_LINES: usize = 64;
/// What a code of an error says, without who says it (libgpg-error: 16 bits of code below the source).
const CODE: u32 = 0xFFFF;

/// Why a dialogue ended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum AssuanError {
    /// The other end is gone.
    #[error("it ended in the middle")]
    Gone,
    /// A line that is none of the protocol's, or too much of them.
    #[error("it does not speak pinentry's protocol")]
    Nonsense,
    /// The pipe broke.
    #[error("its pipe failed: {0}")]
    Pipe(std::io::ErrorKind),
}

/// What a command came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Done, and what was sent along: decoded, empty if nothing.
    Done(Zeroizing<Vec<u8>>),
    /// Refused, with libgpg-error's code.
    Refused(u32),
}

/// A dialogue with a server.
pub(super) struct Dialogue<R, W> {
    from: BufReader<R>,
    to: W,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Dialogue<R, W> {
    /// Waits for the server's greeting.
    pub(super) async fn open(from: R, to: W) -> Result<Self, AssuanError> {
        // No larger than a line: what is in it may be a code.
        let mut dialogue = Self { from: BufReader::with_capacity(LONGEST_LINE, from), to };
        match dialogue.reply().await? {
            Reply::Done(_greeting) => Ok(dialogue),
            Reply::Refused(_code) => Err(AssuanError::Nonsense),
        }
    }

    /// Sends one command and waits for what it comes to. An argument that is too long is cut.
    pub(super) async fn command(&mut self, command: &str, argument: &str) -> Result<Reply, AssuanError> {
        self.send(command, argument).await?;
        self.reply().await
    }

    /// Sends one command.
    pub(super) async fn send(&mut self, command: &str, argument: &str) -> Result<(), AssuanError> {
        self.to.write_all(line(command, argument).as_bytes()).await.map_err(|error| broken(&error))?;
        self.to.flush().await.map_err(|error| broken(&error))
    }

    async fn reply(&mut self) -> Result<Reply, AssuanError> {
        let mut sent = Zeroizing::new(Vec::with_capacity(LONGEST_LINE));
        for _ in 0..MOST_LINES {
            let line = self.line().await?;
            let (word, rest) = match line.iter().position(|byte| *byte == b' ') {
                Some(space) => (line.get(..space), line.get(space + 1..)),
                None => (Some(line.as_slice()), None),
            };
            let rest = rest.unwrap_or_default();
            match word.unwrap_or_default() {
                b"OK" => return Ok(Reply::Done(sent)),
                b"ERR" => return code(rest).map(Reply::Refused).ok_or(AssuanError::Nonsense),
                b"D" if sent.len() + rest.len() <= LONGEST_LINE => decode(rest, &mut sent),
                // News of its state, and remarks.
                b"S" => {}
                word if word.starts_with(b"#") => {}
                _other => return Err(AssuanError::Nonsense),
            }
        }
        Err(AssuanError::Nonsense)
    }

    /// One line without its end.
    async fn line(&mut self) -> Result<Zeroizing<Vec<u8>>, AssuanError> {
        let mut line = Zeroizing::new(Vec::with_capacity(LONGEST_LINE));
        let limit = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
        (&mut self.from).take(limit).read_until(b'\n', &mut line).await.map_err(|error| broken(&error))?;
        match line.pop() {
            Some(b'\n') => {}
            Some(_) if line.len() + 1 == LONGEST_LINE => return Err(AssuanError::Nonsense),
            Some(_) | None => return Err(AssuanError::Gone),
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(line)
    }
}

/// The line of a command: at most 1000 bytes, cut between characters with "…" at the end.
fn line(command: &str, argument: &str) -> String {
    const CUT: &str = "…";
    let mut line = command.to_owned();
    if !argument.is_empty() {
        line.push(' ');
    }
    let room = LONGEST_LINE - 1;
    // Where the line must be cut should the next character be too much.
    let mut end = line.len();
    for character in argument.chars() {
        let encoded = encoded(character);
        if line.len() + encoded.len() > room {
            line.truncate(end);
            line.push_str(CUT);
            break;
        }
        line.push_str(&encoded);
        if line.len() + CUT.len() <= room {
            end = line.len();
        }
    }
    line.push('\n');
    line
}

fn encoded(character: char) -> String {
    if character == '%' || character.is_ascii_control() {
        format!("%{:02X}", u32::from(character))
    } else {
        character.to_string()
    }
}

fn decode(encoded: &[u8], into: &mut Vec<u8>) {
    let mut rest = encoded;
    while let Some((first, after)) = rest.split_first() {
        let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let escaped = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                hex(*high).zip(hex(*low)).map(|(high, low)| (high * 16 + low, after))
            }
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((*first, after));
        into.push(byte);
        rest = after;
    }
}

/// The code in `83886179 Operation cancelled <Pinentry>`.
fn code(rest: &[u8]) -> Option<u32> {
    let number = rest.split(|byte| *byte == b' ').next()?;
    let number: u32 = std::str::from_utf8(number).ok()?.parse().ok()?;
    Some(number & CODE)
}

fn broken(error: &std::io::Error) -> AssuanError {
    let kind = error.kind();
    if matches!(kind, std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::ConnectionReset) {
        AssuanError::Gone
    } else {
        AssuanError::Pipe(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a command comes to if the server has sent this and then hangs up.
    fn reply(sent: &[u8]) -> Result<Reply, AssuanError> {
        let from = [b"OK Pleased to meet you\n", sent].concat();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            Dialogue::open(from.as_slice(), tokio::io::sink()).await?.command("GETPIN", "").await
        })
    }

    fn done(data: &str) -> Reply {
        Reply::Done(Zeroizing::new(data.as_bytes().to_vec()))
    }

    #[test]
    fn answers_are_understood() {
        assert_eq!(reply(b"OK\n"), Ok(done("")));
        assert_eq!(reply(b"D 123456\nOK\n"), Ok(done("123456")));
        assert_eq!(
            reply(b"S BUTTON_INFO close\n# hello\nD 12\r\nD 34%0A%25%zz%4\r\nOK done\r\n"),
            Ok(done("1234\n%%zz%4"))
        );
        assert_eq!(reply(b"ERR 83886179 Operation cancelled <Pinentry>\n"), Ok(Reply::Refused(99)));
        assert_eq!(reply(b"S ERROR gtk2.isatty 83918950 \nERR 83886142 Timeout\n"), Ok(Reply::Refused(62)));
    }

    #[test]
    fn anything_else_ends_the_dialogue() {
        assert_eq!(reply(b""), Err(AssuanError::Gone));
        assert_eq!(reply(b"D 123456\n"), Err(AssuanError::Gone));
        assert_eq!(reply(b"D 123456"), Err(AssuanError::Gone));
        assert_eq!(reply(b"ERR many\n"), Err(AssuanError::Nonsense));
        assert_eq!(reply(b"INQUIRE QUALITY x\n"), Err(AssuanError::Nonsense));
        assert_eq!(reply(b"\n"), Err(AssuanError::Nonsense));
        assert_eq!(reply(&[b'D'; 5000]), Err(AssuanError::Nonsense));
        assert_eq!(reply(&b"S x\n".repeat(1000)), Err(AssuanError::Nonsense));
        let half = format!("D {}\n", "1".repeat(700));
        assert_eq!(reply(half.repeat(2).as_bytes()), Err(AssuanError::Nonsense));
    }

    #[test]
    fn a_server_that_does_not_greet_is_none() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let open = |from: &'static [u8]| {
            runtime.block_on(Dialogue::open(from, tokio::io::sink())).map(|_dialogue| ()).unwrap_err()
        };
        assert_eq!(open(b"usage: pinentry\n"), AssuanError::Nonsense);
        assert_eq!(open(b"ERR 1 no\n"), AssuanError::Nonsense);
        assert_eq!(open(b""), AssuanError::Gone);
    }

    #[test]
    fn an_argument_cannot_begin_a_command() {
        assert_eq!(line("BYE", ""), "BYE\n");
        assert_eq!(line("SETDESC", "100% ä\nGETPIN\r\0"), "SETDESC 100%25 ä%0AGETPIN%0D%00\n");
    }

    #[test]
    fn a_long_argument_is_cut_between_characters() {
        for (character, room) in [("x", 991), ("%", 330), ("ä", 495)] {
            let full = line("SETDESC", &character.repeat(room));
            assert!(full.len() <= 1000 && !full.contains('…'), "{character}");
            let cut = line("SETDESC", &character.repeat(2000));
            assert!(cut.len() <= 1000 && cut.len() > 990, "{character}: {}", cut.len());
            assert!(cut.ends_with("…\n"), "{character}");
        }
        assert!(!line("SETDESC", &"%".repeat(2000)).contains("%…"));
    }
}
