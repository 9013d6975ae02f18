//! What an edit of a large credentials file costs: the bytes in, a session put into the section in the middle, the text
//! out. In processor time, with the allocator of the program, which wipes what it frees; beside it Python's
//! configparser, with which the AWS CLI reads the file, over one reading and writing of the same bytes.
#![allow(clippy::unwrap_used, reason = "a measurement may panic")]

mod large_file;

use std::alloc::System;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use cap::Cap;
use criterion::{Criterion, Throughput};
use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static ALLOCATOR: Cap<ZeroAlloc<System>> = Cap::new(ZeroAlloc(System), usize::MAX);

const SECTIONS: [usize; 3] = [500, 5_000, 50_000];

const PYTHON: &str = "
import configparser, io, sys, time
text = sys.stdin.read()
started = time.process_time()
parser = configparser.RawConfigParser()
parser.read_string(text)
parser.write(io.StringIO())
print(time.process_time() - started)
";

fn main() {
    // First: it is the highest mark of the whole process.
    let peaks = SECTIONS.map(|sections| large_file::peak(&ALLOCATOR, sections));
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("put a session into a file");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    for sections in SECTIONS {
        let bytes = large_file::of(sections);
        group.throughput(Throughput::Bytes(bytes.len().try_into().unwrap()));
        group.bench_function(format!("{sections} sections"), |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| large_file::once(&bytes, sections)).sum());
        });
    }
    group.finish();
    criterion.final_summary();

    let mut out = std::io::stdout();
    writeln!(out, "\n| sections | file | an edit, at best | peak memory | Python's configparser |\n|---|---|---|---|---|").unwrap();
    for (sections, peak) in SECTIONS.into_iter().zip(peaks) {
        let bytes = large_file::of(sections);
        let best = (0..20).map(|_| large_file::once(&bytes, sections)).min().unwrap();
        let python =
            configparser(&bytes).map_or("unknown".to_owned(), |time| format!("{:.0} ms", 1000.0 * time));
        let (size, best) = (ratio(bytes.len(), 1_000_000), 1000.0 * best.as_secs_f64());
        let peak = ratio(peak, bytes.len());
        writeln!(out, "| {sections} | {size:.2} MB | {best:.2} ms | {peak:.1} times the file | {python} |")
            .unwrap();
    }
}

/// The processor time, in seconds, in which Python reads the file and writes it again.
fn configparser(bytes: &[u8]) -> Option<f64> {
    let python = std::env::var_os("STSD_TEST_PYTHON").unwrap_or("python3".into());
    let mut command = Command::new(python);
    command.args(["-c", PYTHON]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().ok()?;
    child.stdin.take()?.write_all(bytes).ok()?;
    String::from_utf8(child.wait_with_output().ok()?.stdout).ok()?.trim().parse().ok()
}

fn ratio(part: usize, whole: usize) -> f64 {
    let exact = |count: usize| f64::from(u32::try_from(count).unwrap());
    exact(part) / exact(whole)
}
