//! A memory image of the real program after a refresh does not contain the long-term secret, nor what makes codes.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::pipe::fcntl_getpipe_size;
use rustix::process::Pid;
use stsd_test_support::{Identity, not_run};

use crate::binary::machine::Machine;
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
fn no_secret_is_in_memory_after_a_refresh() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let alice = machine.sts.alice();
    machine.run_with(&["add", "work", "--totp-seed", "-"], &alice.seed).succeeded();
    let Some(image) = after(&machine, &["refresh", "work"], "") else { return };
    assert!(image.has("refresh\0work"), "the search found nothing at all");
    image.hides_key(&alice);
    image.hides_seed(&alice);

    // Afterwards: else it might wait for a step whose code was not sent yet.
    machine.configure(&format!("[profiles.work]\nmfa_serial = \"{}\"\n", alice.serial));
    let code = machine.code();
    let refresh = ["refresh", "work", "--code"];
    let Some(image) = after(&machine, &[&refresh[..], &[&code]].concat(), "") else { return };
    // The arguments are there: the image is one of this program, and the search finds what there is.
    assert!(image.has(format!("--code\0{code}")), "the search found nothing at all");
    // What was sent is wiped when it is freed, though the SDK does not do it.
    image.hides("the code", format!("TokenCode={code}"));
    image.hides_key(&alice);

    let code = machine.code();
    let Some(image) = after(&machine, &[&refresh[..], &["-"]].concat(), &code) else { return };
    image.hides("the code", &code);
    image.hides_key(&alice);
}

/// An image of the program at the end of a refresh; none, and said so, where nobody may have one.
fn after(machine: &Machine, arguments: &[&str], input: &str) -> Option<Image> {
    // Its stderr is full: the program stops where it says that the session is on disk, until somebody reads.
    let (reader, mut words) = std::io::pipe().unwrap();
    let room = fcntl_getpipe_size(&words).unwrap();
    words.write_all(&vec![b'\n'; room]).unwrap();
    let mut command = machine.stsd(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(words);
    let mut refresh = Running(command.spawn().unwrap());
    // Or its end is kept open.
    drop(command);
    refresh.0.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let end = Instant::now() + Duration::from_secs(40);
    while !is_writing(Pid::from_child(&refresh.0)) {
        assert!(Instant::now() < end, "the program does not come to the end of its refresh");
        std::thread::sleep(Duration::from_millis(5));
    }
    let image = Image::of(refresh.0.id());
    let said = std::thread::spawn(move || std::io::read_to_string(reader).unwrap());
    assert!(refresh.0.wait().unwrap().success());
    assert!(said.join().unwrap().contains("work: session until"));
    image
}

/// True while the process waits for room in a pipe.
fn is_writing(pid: Pid) -> bool {
    let wait = fs::read_to_string(format!("/proc/{}/wchan", pid.as_raw_nonzero())).unwrap_or_default();
    wait.contains("pipe_write")
}

/// All that a process can have written into its memory.
pub(crate) struct Image(Vec<u8>);

impl Image {
    /// Of a process that waits; none, and said so, if the kernel does not show it to this user.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let process = format!("/proc/{pid}");
        let Ok(mut memory) = fs::File::open(format!("{process}/mem")) else {
            not_run("a memory image: only root may read a program that is not dumpable");
            return None;
        };
        let mut image = Vec::new();
        for map in fs::read_to_string(format!("{process}/maps")).unwrap().lines() {
            let mut words = map.split(' ');
            let (range, rights) = (words.next().unwrap(), words.next().unwrap());
            // What is mapped from a file and was never written is the file.
            if !rights.starts_with("rw") {
                continue;
            }
            let (begin, end) = range.split_once('-').unwrap();
            let (begin, end) =
                (u64::from_str_radix(begin, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
            memory.seek(SeekFrom::Start(begin)).unwrap();
            // Guard pages of a mapping cannot be read.
            drop((&memory).take(end - begin).read_to_end(&mut image));
        }
        assert!(image.len() > 1 << 20, "{} bytes are no image", image.len());
        Some(Self(image))
    }

    pub(crate) fn has(&self, text: impl AsRef<[u8]>) -> bool {
        memchr::memmem::find(&self.0, text.as_ref()).is_some()
    }

    #[track_caller]
    pub(crate) fn hides(&self, what: &str, secret: impl AsRef<[u8]>) {
        assert!(!self.has(secret), "{what} is in memory");
    }

    /// The long-term secret is not there, nor a half of it.
    #[track_caller]
    pub(crate) fn hides_key(&self, who: &Identity) {
        let (first, second) = who.secret_access_key.split_at(20);
        self.hides("the first half of the secret", first);
        self.hides("the second half of the secret", second);
    }

    /// The seed of the device is not there, as text or as the bytes that it stands for, nor a half of it.
    #[track_caller]
    pub(crate) fn hides_seed(&self, who: &Identity) {
        let (first, second) = who.seed.split_at(who.seed.len() / 2);
        self.hides("the first half of the seed", first);
        self.hides("the second half of the seed", second);
        let bytes = bytes_of(&who.seed);
        assert!(bytes.len() >= 16, "no seed");
        self.hides("the first half of the seed's bytes", &bytes[..bytes.len() / 2]);
        self.hides("the second half of the seed's bytes", &bytes[bytes.len() / 2..]);
    }
}

/// What base32 stands for.
fn bytes_of(base32: &str) -> Vec<u8> {
    let value = |letter| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'2'..=b'7' => letter - b'2' + 26,
        other => panic!("{other} is no letter of base32"),
    };
    let bits: Vec<u8> =
        base32.bytes().flat_map(|letter| (0..5).rev().map(move |at| (value(letter) >> at) & 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| (byte << 1) | bit)).collect()
}
