//! Every path that stsd uses, in one place.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use directories::{BaseDirs, ProjectDirs};
use thiserror::Error;

/// The home directory is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the home directory is unknown: HOME is not set")]
pub struct NoHome;

/// Where things are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// `config.toml`.
    pub config: PathBuf,
    /// `state.json`.
    pub state: PathBuf,
    /// AWS's shared credentials file.
    pub aws_credentials: PathBuf,
    /// AWS's configuration file.
    pub aws_config: PathBuf,
    /// The daemon's socket.
    pub socket: PathBuf,
}

impl Paths {
    /// The paths for this user: `flag` (`--config`) before `STSD_CONFIG` before the platform's directory; AWS's files
    /// where `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE` put them, with `~/` as AWS's tools read it.
    ///
    /// # Errors
    ///
    /// [`NoHome`] if neither `HOME` nor the user database names a home directory.
    pub fn find(flag: Option<PathBuf>, variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, NoHome> {
        let base = BaseDirs::new().ok_or(NoHome)?;
        let project = ProjectDirs::from("", "", "stsd").ok_or(NoHome)?;
        let home = base.home_dir();
        // An empty variable counts as unset, as it does for AWS's tools.
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let aws = |name: &str, file: &str| {
            set(name).map_or_else(|| home.join(".aws").join(file), |path| expanded(&path, home))
        };
        // macOS has no state directory.
        let state = project.state_dir().unwrap_or_else(|| project.data_local_dir());
        Ok(Self {
            socket: socket(set, state),
            config: flag
                .or_else(|| set("STSD_CONFIG"))
                .map_or_else(|| project.config_dir().join("config.toml"), |path| absolute(&path)),
            state: state.join("state.json"),
            aws_credentials: aws("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            aws_config: aws("AWS_CONFIG_FILE", "config"),
        })
    }
}

/// The file that launchd appends the daemon's words to: macOS has no journal.
#[must_use]
pub fn log() -> Option<PathBuf> {
    let base = BaseDirs::new().filter(|_| cfg!(target_os = "macos"))?;
    Some(base.home_dir().join("Library/Logs/stsd/stsd.log"))
}

/// `STSD_SOCKET`, else `stsd/stsd.sock` in the user's runtime directory, else `stsd.sock` beside the state. macOS's
/// temporary directory is swept while the daemon runs, so there it is always beside the state.
fn socket(set: impl Fn(&str) -> Option<PathBuf>, state: &Path) -> PathBuf {
    if let Some(path) = set("STSD_SOCKET") {
        return absolute(&path);
    }
    let runtime = if cfg!(target_os = "macos") {
        None
    } else {
        set("XDG_RUNTIME_DIR").filter(|path| is_own(path)).or_else(login_directory)
    };
    match runtime {
        Some(directory) => directory.join("stsd").join("stsd.sock"),
        None => state.join("stsd.sock"),
    }
}

/// True for an absolute path of a directory that is this user's: with another's, `sudo -E` would lock that one out.
fn is_own(path: &Path) -> bool {
    let uid = rustix::process::geteuid().as_raw();
    path.is_absolute() && std::fs::metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == uid)
}

/// `/run/user/UID`, which a login makes, for a process that was not told of it: if it is this user's alone.
fn login_directory() -> Option<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let directory = PathBuf::from(format!("/run/user/{uid}"));
    let found = std::fs::symlink_metadata(&directory).ok()?;
    (found.is_dir() && found.uid() == uid && found.mode() & 0o777 == 0o700).then_some(directory)
}

fn expanded(path: &Path, home: &Path) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(rest) => home.join(rest),
        Err(_) => absolute(path),
    }
}

/// Made absolute, so that a message names one file wherever the command was started.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_move_the_files() {
        let runtime = tempfile::tempdir().unwrap();
        let own = runtime.path().to_str().unwrap();
        let variables = |name: &str| {
            Some(OsString::from(match name {
                "STSD_CONFIG" => "/etc/stsd.toml",
                "AWS_SHARED_CREDENTIALS_FILE" => "~/elsewhere/credentials",
                "AWS_CONFIG_FILE" => "/etc/aws-config",
                "XDG_RUNTIME_DIR" => own,
                _ => "",
            }))
        };
        let paths = Paths::find(None, variables).unwrap();
        let home = BaseDirs::new().unwrap().home_dir().to_owned();
        assert_eq!(paths.config, Path::new("/etc/stsd.toml"));
        assert_eq!(paths.aws_credentials, home.join("elsewhere/credentials"));
        assert_eq!(paths.aws_config, Path::new("/etc/aws-config"));
        assert_eq!(paths.socket, runtime.path().join("stsd/stsd.sock"));
        let none =
            Paths::find(None, |name| (name == "XDG_RUNTIME_DIR").then(|| "/nonexistent".into())).unwrap();
        assert!(!none.socket.starts_with("/nonexistent"));
        let unset = Paths::find(None, |_| None).unwrap();
        assert_eq!(unset.aws_config, home.join(".aws/config"));
        let flag = Paths::find(Some("/flag.toml".into()), variables).unwrap();
        assert_eq!(flag.config, Path::new("/flag.toml"));
    }
}
