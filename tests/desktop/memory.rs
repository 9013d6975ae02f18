//! A memory image of the real program after a refresh does not contain the long-term secret.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::pipe::fcntl_getpipe_size;
use rustix::process::Pid;
use stsd_test_support::{StrictSts, not_run};

use crate::bus::Desktop;
use crate::has_desktop;

/// Ends the program if the test does not.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn the_long_term_secret_is_not_in_memory_after_a_refresh() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::unlocked();
    let sts = StrictSts::with_alice();
    let alice = sts.alice();
    let stsd = || {
        let mut command = desktop.command(env!("CARGO_BIN_EXE_stsd"));
        command.env("AWS_ENDPOINT_URL_STS", sts.url()).stdout(Stdio::null());
        command
    };
    let mut add = stsd()
        .args(["add", "work", "--access-key-id", &alice.access_key_id, "--mfa-serial", &alice.serial])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(add.stdin.take().unwrap(), "{}", alice.secret_access_key).unwrap();
    assert!(add.wait().unwrap().success());

    let code = sts.unused_code(&alice.serial);
    // Its stderr is full: the program stops where it says that the session is on disk, until somebody reads.
    let (reader, mut words) = std::io::pipe().unwrap();
    let room = fcntl_getpipe_size(&words).unwrap();
    words.write_all(&vec![b'\n'; room]).unwrap();
    let refresh = stsd().args(["refresh", "work", "--code", &code]).stderr(words).spawn().unwrap();
    let mut refresh = Running(refresh);
    let pid = Pid::from_child(&refresh.0);
    let end = Instant::now() + Duration::from_secs(30);
    while !is_writing(pid) {
        assert!(Instant::now() < end, "the program does not come to the end of its refresh");
        std::thread::sleep(Duration::from_millis(5));
    }
    let Some(image) = image(pid) else {
        return not_run("a memory image: only root may read a program that is not dumpable");
    };
    let said = std::thread::spawn(move || std::io::read_to_string(reader).unwrap());
    assert!(refresh.0.wait().unwrap().success());
    assert!(said.join().unwrap().contains("work: session until"));

    let secret = alice.secret_access_key.as_bytes();
    // The arguments are there: the image is one of this program, and the search finds what there is.
    let control = format!("--code\0{code}");
    assert!(found(&image, control.as_bytes()), "the search found nothing at all");
    // What was sent is wiped when it is freed, though the SDK does not do it.
    assert!(!found(&image, format!("TokenCode={code}").as_bytes()), "the request is in memory");
    assert!(!found(&image, secret), "the secret is in memory");
    assert!(!found(&image, &secret[..secret.len() / 2]), "the first half of the secret is in memory");
    assert!(!found(&image, &secret[secret.len() / 2..]), "the second half of the secret is in memory");
}

/// True while the process waits for room in a pipe.
fn is_writing(pid: Pid) -> bool {
    let wait = fs::read_to_string(format!("/proc/{}/wchan", pid.as_raw_nonzero())).unwrap_or_default();
    wait.contains("pipe_write")
}

/// All that a waiting process can read of itself; `None` if the kernel does not show it to this user.
fn image(pid: Pid) -> Option<Vec<u8>> {
    let process = format!("/proc/{}", pid.as_raw_nonzero());
    let mut memory = fs::File::open(format!("{process}/mem")).ok()?;
    let mut image = Vec::new();
    for map in fs::read_to_string(format!("{process}/maps")).unwrap().lines() {
        let mut words = map.split(' ');
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        if !rights.starts_with('r') || map.ends_with("[vvar]") || map.ends_with("[vvar_vclock]") {
            continue;
        }
        let (begin, end) = range.split_once('-').unwrap();
        let (begin, end) = (u64::from_str_radix(begin, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        memory.seek(SeekFrom::Start(begin)).unwrap();
        // Guard pages of a mapping cannot be read.
        drop((&memory).take(end - begin).read_to_end(&mut image));
    }
    assert!(image.len() > 1 << 20, "{} bytes are no image", image.len());
    Some(image)
}

fn found(image: &[u8], needle: &[u8]) -> bool {
    image.windows(needle.len()).any(|window| window == needle)
}
