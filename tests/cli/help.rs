//! Help, version and completion scripts.

use std::process::Command;

use crate::home::Home;
use crate::ran::Ran;

const COMMANDS: [&str; 8] =
    ["add", "remove", "refresh", "ensure", "status", "forget", "service", "completions"];

#[test]
fn the_help_of_every_command_has_an_example() {
    let home = Home::new();
    for command in COMMANDS {
        for flag in ["--help", "-h"] {
            let help = home.run(&[command, flag]).succeeded();
            assert!(help.stdout.contains("Example"), "{help:#?}");
            assert!(help.stdout.contains(&format!("stsd {command}")), "{help:#?}");
            assert_eq!(help.stderr, "", "help was asked for");
        }
    }
}

#[test]
fn the_help_of_every_action_of_the_service_has_an_example() {
    let home = Home::new();
    for action in ["install", "uninstall", "restart", "status", "logs"] {
        let help = home.run(&["service", action, "--help"]).succeeded();
        assert!(help.stdout.contains(&format!("  stsd service {action}")), "{help:#?}");
        assert!(help.stdout.contains("--print"), "{help:#?}");
    }
}

#[test]
fn the_help_lists_every_command_and_every_exit_code() {
    let home = Home::new();
    for flag in ["--help", "-h"] {
        let help = home.run(&[flag]).succeeded();
        assert!(help.stdout.contains("Example"), "{help:#?}");
        for command in COMMANDS {
            assert!(help.stdout.lines().any(|line| line.trim_start().starts_with(command)), "no {command}");
        }
        let (_, codes) = help.stdout.split_once("Exit codes:\n").unwrap();
        let listed: Vec<_> = codes.lines().map_while(|line| line.trim_start().split_once("  ")).collect();
        let numbers: Vec<_> = listed.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
        assert_eq!(listed.first().unwrap().1, "done; status: every profile asked for has a valid session");
    }
}

#[test]
fn the_help_of_refresh_says_who_sees_a_code() {
    let help = Home::new().run(&["refresh", "--help"]).succeeded();
    let words = help.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("seen by other users") && words.contains("shell's history"), "{words}");
}

#[test]
fn the_version_is_data() {
    let ran = Home::new().run(&["--version"]).succeeded();
    assert_eq!(ran.stdout, concat!("stsd ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn completion_scripts_are_scripts_of_their_shells() {
    let home = Home::new();
    let check = |shell: &str, beginning: &str, words: &[&str]| {
        let ran = home.run(&["completions", shell]).succeeded();
        assert!(ran.stdout.starts_with(beginning), "{shell}: {}", ran.stdout);
        for word in words {
            assert!(ran.stdout.contains(word), "{shell}: no {word}");
        }
        assert_eq!(ran.stderr, "");
        // A shell that is not installed is not asked.
        let script = home.path(shell);
        std::fs::write(&script, ran.stdout).unwrap();
        let mut parser = Command::new(shell);
        parser.arg("-n").arg(script).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        if let Ok(parsed) = parser.output() {
            assert!(parsed.status.success(), "{shell}: {parsed:?}");
        }
    };
    check("bash", "_stsd()", &["complete -F _stsd", "refresh", "--mfa-serial"]);
    check("zsh", "#compdef stsd\n", &["refresh", "--mfa-serial"]);
    check("fish", "# Print", &["complete -c stsd", "refresh", "mfa-serial"]);
}

#[test]
fn bash_completes_the_commands() {
    let home = Home::new();
    let script = home.run(&["completions", "bash"]).succeeded().stdout;
    home.write("completions", script);
    let ask = "source ./completions; COMP_WORDS=(stsd re); COMP_CWORD=1; _stsd stsd re stsd; echo \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", ask]).current_dir(home.path(""));
    assert_eq!(Ran::of(&mut bash, b"").succeeded().stdout, "remove refresh\n");
}
