//! The agent against a stand-in for `launchctl`, which keeps what is loaded in a file and refuses what the real one
//! refuses.

use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::*;
use crate::domain::service::Activity;
use crate::usecase::service::{install, look, restart, uninstall};

/// `$0.d` holds what was called, and what is loaded; an agent that is told to go is there for two looks more.
const LAUNCHCTL: &str = r#"#!/bin/sh
d=$0.d
echo "$*" >>"$d/calls"

case $1 in
print)
  case $2 in gui/*/*) ;; *) [ ! -e "$d/no-screen" ]; exit ;; esac
  [ -e "$d/loaded" ] || exit 113
  if [ -e "$d/going" ]; then
    echo x >>"$d/going"
    [ "$(wc -l <"$d/going")" -lt 3 ] || rm "$d/going" "$d/loaded"
  fi
  printf '%s = {\n\tpath = %s\n\tstate = running\n\tpid = %s\n}\n' "$2" "$(cat "$d/loaded" 2>/dev/null)" $$
  ;;
print-disabled) printf '\t"io.github.stsd" => %s\n' "$(cat "$d/allowed" 2>/dev/null || echo enabled)" ;;
enable) echo enabled >"$d/allowed" ;;
bootstrap)
  [ ! -e "$d/loaded" ] || exit 5
  [ -e "$3" ] || exit 2
  printf %s "$3" >"$d/loaded"
  ;;
bootout)
  [ -e "$d/loaded" ] || exit 3
  : >"$d/going"
  exit 36
  ;;
kickstart) [ -e "$d/loaded" ] && [ ! -e "$d/going" ] ;;
*) exit 64 ;;
esac
"#;

struct Mac {
    home: TempDir,
}

impl Mac {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let launchctl = home.path().join("launchctl");
        fs::write(&launchctl, LAUNCHCTL).unwrap();
        fs::set_permissions(&launchctl, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(home.path().join("launchctl.d")).unwrap();
        Self { home }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn launchd(&self, program: &str) -> Launchd {
        Launchd {
            program: Ok(program.to_owned()),
            launchctl: self.path("launchctl").display().to_string(),
            home: self.home.path().to_owned(),
            log: self.path("Library/Logs/stsd/stsd.log"),
            clock: Arc::new(SystemClock),
            below_sudo: false,
        }
    }

    /// What was asked of launchd that changes something, since the last time.
    fn calls(&self) -> Vec<String> {
        let path = self.path("launchctl.d/calls");
        let calls = fs::read_to_string(&path).unwrap_or_default();
        fs::write(&path, "").unwrap();
        calls.lines().filter(|line| !line.starts_with("print")).map(ToOwned::to_owned).collect()
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn put(launchd: &Launchd) {
    wait(async { install(launchd, &look(launchd).await.unwrap()).await.unwrap() });
}

#[test]
fn an_agent_is_installed_twice_replaced_restarted_and_gone() {
    let mac = Mac::new();
    let (domain, target) = (domain(), target());
    let agent = mac.path("Library/LaunchAgents/io.github.stsd.plist");
    let load = [
        format!("enable {target}"),
        format!("bootstrap {domain} {}", agent.display()),
        format!("kickstart {target}"),
    ];
    let first = mac.launchd("/opt/homebrew/bin/stsd");
    put(&first);
    assert_eq!(mac.calls(), load);
    assert!(mac.path("Library/Logs/stsd").is_dir());
    let state = wait(first.state()).unwrap();
    assert!(state.known == Known::ByOurs && state.enabled && state.activity == Activity::Active, "{state:?}");

    put(&first);
    assert_eq!(mac.calls(), [load[0].as_str(), load[2].as_str()], "it is loaded already");

    let second = mac.launchd("/usr/local/bin/stsd");
    put(&second);
    assert_eq!(mac.calls()[0], format!("bootout {target}"));
    assert!(fs::read_to_string(&agent).unwrap().contains("/usr/local/bin/stsd"));

    wait(async { restart(&second, &look(&second).await.unwrap()).await.unwrap() });
    assert_eq!(mac.calls(), [format!("kickstart -k {target}")]);

    for was_there in [true, false] {
        let gone = wait(async { uninstall(&second, &look(&second).await.unwrap()).await.unwrap() });
        assert_eq!(gone.was_there, was_there);
        assert!(!agent.exists());
    }
    assert_eq!(mac.calls(), [format!("bootout {target}")]);
}

#[test]
fn what_is_shown_is_what_is_run() {
    let mac = Mac::new();
    let launchd = mac.launchd("/usr/bin/stsd");
    let shown: Vec<_> =
        launchd.commands(ServiceOrder::Enable).iter().map(|words| words[1..].join(" ")).collect();
    put(&launchd);
    assert_eq!(mac.calls(), shown);
}

#[test]
fn a_login_without_a_screen_is_told_apart() {
    let mac = Mac::new();
    fs::write(mac.path("launchctl.d/no-screen"), "").unwrap();
    let refused = wait(look(&mac.launchd("/usr/bin/stsd"))).unwrap_err();
    assert!(refused.message.contains("no session with a screen"), "{refused:?}");
    assert!(!mac.path("Library").exists());
}
