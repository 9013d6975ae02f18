//! The program that steers a service manager: run to its end, within a deadline, what it prints kept from the terminal.

use std::io::ErrorKind;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use crate::ports::service_manager::ServiceError;

/// The most that is understood of what a program prints, in bytes; the rest is read and dropped.
const MOST: usize = 256 * 1024;

/// How long an answer may take that waits for no start and no end of the daemon.
pub(super) const ANSWER: Duration = Duration::from_secs(15);

/// What a program printed, and how it ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
}

/// Runs a program; `None` if there is none of that name. Dropping the answer ends it.
pub(super) async fn run(
    words: &[String],
    variables: &[(&str, String)],
    deadline: Duration,
) -> Result<Option<Ended>, ServiceError> {
    let shown = words.join(" ");
    let refused = |error: std::io::Error| ServiceError::Refused {
        command: shown.clone(),
        end: error.kind().to_string(),
    };
    let Some((program, arguments)) = words.split_first() else { return Ok(None) };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Words and times that do not depend on the user's language and place.
    command.env("LC_ALL", "C").env("TZ", "UTC").envs(variables.iter().map(|(name, value)| (name, value)));
    command.kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(error)),
    };
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let whole = async {
        let (stdout, stderr, status) = tokio::join!(text(out), text(err), child.wait());
        // Not shown: it is the words of another program, in its own form. The command can be run by hand.
        tracing::debug!(command = shown, bytes = stderr.len(), "a command said something");
        Ok(Some(Ended { status: status.map_err(refused)?, stdout }))
    };
    match timeout(deadline, whole).await {
        Ok(ended) => ended,
        Err(_elapsed) => Err(ServiceError::Late { command: shown.clone(), seconds: deadline.as_secs() }),
    }
}

/// All that comes, to its end, up to a bound.
async fn text(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut pipe) = pipe else { return String::new() };
    let mut kept = Vec::new();
    let mut part = [0; 4096];
    loop {
        match pipe.read(&mut part).await {
            Ok(0) | Err(_) => return String::from_utf8_lossy(&kept).into_owned(),
            Ok(read) if kept.len() < MOST => kept.extend(part.iter().take(read)),
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_shell(script: &str, deadline: Duration) -> Result<Option<Ended>, ServiceError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let words = ["/bin/sh", "-c", script].map(ToOwned::to_owned);
        runtime.block_on(run(&words, &[("GIVEN", "value".to_owned())], deadline))
    }

    #[test]
    fn what_it_prints_is_taken_and_the_places_language_is_not() {
        let ended = run_shell("echo $LC_ALL $TZ $GIVEN; echo words >&2; exit 3", ANSWER).unwrap().unwrap();
        assert_eq!((ended.stdout.as_str(), ended.status.code()), ("C UTC value\n", Some(3)));
    }

    #[test]
    fn a_flood_is_cut_and_does_not_stop_the_program() {
        let ended = run_shell("yes | head -c 1000000; echo end >&2", ANSWER).unwrap().unwrap();
        assert!(ended.status.success());
        assert!((MOST..MOST + 4096).contains(&ended.stdout.len()), "{}", ended.stdout.len());
    }

    #[test]
    fn one_that_does_not_end_is_given_up_and_ended() {
        let directory = tempfile::tempdir().unwrap();
        let pid = directory.path().join("pid");
        let script = format!("echo $$ >{}; exec sleep 600", pid.display());
        let late = run_shell(&script, Duration::from_secs(1)).unwrap_err();
        assert!(matches!(late, ServiceError::Late { seconds: 1, .. }), "{late}");
        let pid: i32 = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        let gone = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
            state.is_err() || state.is_ok_and(|state| state.contains(") Z "))
        });
        assert!(gone || !cfg!(target_os = "linux"), "it runs still");
    }

    #[test]
    fn a_program_that_is_not_there_is_told_apart() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let words = ["/nonexistent/systemctl".to_owned()];
        assert!(runtime.block_on(run(&words, &[], ANSWER)).unwrap().is_none());
    }
}
