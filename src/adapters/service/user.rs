//! Whose service it would be.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::ports::service_manager::ServiceError;

/// Refuses to act for a user other than the one at the terminal: files of root in somebody's home can be removed by root
/// only, and a daemon of root serves nobody but root.
pub(super) fn own(home: &Path, below_sudo: bool) -> Result<(), ServiceError> {
    let uid = rustix::process::geteuid().as_raw();
    if uid == 0 && below_sudo {
        return Err(ServiceError::OtherUser("below sudo the service would be root's, not yours"));
    }
    // `sudo -E` and `su -m` keep the variables of the one who called them.
    if std::fs::metadata(home).is_ok_and(|home| home.uid() != uid) {
        return Err(ServiceError::OtherUser("the home directory (HOME) is another user's than this process"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_users_home_and_sudo_are_refused() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(own(home.path(), false), Ok(()));
        assert_eq!(own(&home.path().join("none"), false), Ok(()));
        if std::os::unix::fs::chown(home.path(), Some(12_345), None).is_err() {
            stsd_test_support::not_run("a service in another user's home: needs root");
            return;
        }
        assert!(matches!(own(home.path(), false), Err(ServiceError::OtherUser(_))));
        assert!(matches!(own(Path::new("/"), true), Err(ServiceError::OtherUser(_))));
    }
}
