//! The question as `GnuPG`'s dialog puts it.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::assuan::{AssuanError, Dialogue, Reply};
use super::entry::Typed;
use super::running::Starter;
use super::{GRACE, START};
use crate::domain::prompt::Question;
use crate::ports::prompter::PromptError;

/// Codes of libgpg-error: its user has pressed "Cancel", or closed the window in one of the other ways.
const CANCELLED: [u32; 3] = [99, 198, 114];
/// Nobody has answered in time.
const TIMED_OUT: u32 = 62;
/// No dialog can be had.
const NO_PINENTRY: [u32; 2] = [85, 86];
/// Errors of the operating system have this bit: with pinentry, a terminal that we did not give it.
const SYSTEM: u32 = 0x8000;
const NO_DISPLAY: &str = "cannot open the display";
/// How long one that has answered may take to go.
const LEAVING: Duration = Duration::from_millis(200);

/// Puts the question once.
///
/// # Errors
///
/// [`PromptError`]; a pinentry that could only ask at a terminal is unavailable.
pub(super) async fn ask(
    starter: &Starter,
    program: &Path,
    question: &Question,
    patience: Duration,
) -> Result<Typed, PromptError> {
    let mut running = starter.start(program, &[], &[])?;
    let failed = |error: AssuanError| PromptError::Failed(format!("{}: {error}", program.display()));
    let (to, from) = running.pipes().ok_or_else(|| failed(AssuanError::Gone))?;

    let up = timeout(START.min(patience), set_up(from, to, question, patience)).await;
    let up = up.map_err(|_elapsed| PromptError::Failed(format!("{} does not answer", program.display())))?;
    let unavailable = |why: &str| PromptError::Unavailable(format!("{} {why}", program.display()));
    let mut dialogue = up.map_err(failed)?.map_err(unavailable)?;
    let answer = timeout(patience + GRACE, dialogue.command("GETPIN", "")).await;
    let code = match answer {
        Err(_elapsed) => return Err(PromptError::TimedOut(patience.as_secs())),
        Ok(Err(error)) => return Err(failed(error)),
        Ok(Ok(Reply::Refused(code))) => Err(code),
        Ok(Ok(Reply::Done(typed))) => Ok(Typed(typed)),
    };
    if dialogue.send("BYE", "").await.is_ok() && timeout(LEAVING, running.ended()).await.is_err() {
        tracing::debug!("pinentry does not leave and is killed");
    }
    code.map_err(|code| match code {
        code if CANCELLED.contains(&code) => PromptError::Cancelled,
        TIMED_OUT => PromptError::TimedOut(patience.as_secs()),
        code if NO_PINENTRY.contains(&code) || code & SYSTEM != 0 => unavailable(NO_DISPLAY),
        code => PromptError::Failed(format!("{}: error {code} of GnuPG", program.display())),
    })
}

/// Says what is to be asked; or why it cannot be asked.
async fn set_up<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    from: R,
    to: W,
    question: &Question,
    patience: Duration,
) -> Result<Result<Dialogue<R, W>, &'static str>, AssuanError> {
    let mut dialogue = Dialogue::open(from, to).await?;
    // One for the terminal says that its user has cancelled where there is no terminal. Those before 1.0 know no flavour.
    let flavour = match dialogue.command("GETINFO", "flavor").await? {
        Reply::Done(flavour) => flavour,
        Reply::Refused(_code) => Vec::new().into(),
    };
    if matches!(flavour.as_slice(), b"tty" | b"curses") {
        return Ok(Err("would ask at a terminal"));
    }
    if flavour.ends_with(b":curses") {
        return Ok(Err(NO_DISPLAY));
    }
    let (title, text, reason) = (question.title(), question.text(), question.reason());
    let seconds = patience.as_secs().max(1).to_string();
    let mut said = vec![
        // The code may stand in another window, which must be reached.
        ("OPTION", "no-grab"),
        ("SETTIMEOUT", &seconds),
        ("SETPROMPT", "Code:"),
        ("SETTITLE", &title),
        ("SETDESC", &text),
    ];
    if let Some(reason) = &reason {
        said.push(("SETERROR", reason));
    }
    for (command, argument) in said {
        // What an old one does not know is left out.
        if let Reply::Refused(code) = dialogue.command(command, argument).await? {
            tracing::debug!(command, code, "pinentry refused an option");
        }
    }
    Ok(Ok(dialogue))
}
