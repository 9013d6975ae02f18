//! The `LaunchAgent`, read by Python's `plistlib`.

use std::fs;
use std::process::Command;

use crate::file;

/// What the agent must say, as `plistlib` reads it: keys sorted.
const EXPECTED: &str = r#"{
 "HardResourceLimits": {"Core": 0},
 "KeepAlive": {"SuccessfulExit": false},
 "Label": "io.github.stsd",
 "LimitLoadToSessionType": "Aqua",
 "ExitTimeOut": 60,
 "ProcessType": "Background",
 "ProgramArguments": ["/Users/YOU/.cargo/bin/stsd", "daemon"],
 "RunAtLoad": true,
 "SoftResourceLimits": {"Core": 0},
 "Umask": 63
}"#;

/// Reads the list named by its argument, and prints it as JSON.
const READ: &str = "import json, plistlib, sys
print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";

#[test]
fn the_agent_says_what_it_should_and_nothing_else() {
    let agent = file("launchd/io.github.stsd.plist");
    let Ok(output) = Command::new("python3").args(["-c", READ]).arg(&agent).output() else {
        stsd_test_support::not_run("the LaunchAgent: no python3 to read it with");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected: serde_json::Value = serde_json::from_str(EXPECTED).unwrap();
    assert_eq!(read, expected);
    // Its name is its label: `launchctl` finds one by the other.
    let label = read.get("Label").and_then(|label| label.as_str()).unwrap();
    assert_eq!(agent.file_stem().unwrap(), label);
}

#[test]
fn what_has_to_be_replaced_is_said_in_a_comment() {
    let text = fs::read_to_string(file("launchd/io.github.stsd.plist")).unwrap();
    assert!(text.contains("replace /Users/YOU/.cargo/bin/stsd"), "{text}");
}
