"""Measures stsd against the simulated STS; run by tests/bench/run on a private desktop.

usage: measure.py STSD STRICT-STS

The idle daemon is watched for IDLE_SECONDS of the environment, 300 unless told.
"""

import datetime
import hashlib
import hmac
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

STARTS = 50  # of `stsd status` and of /bin/true
REFRESHES = 20
DAEMONS = 20  # starts of the daemon
PROFILES = 20  # that it knows
REQUESTS = int(os.environ.get("REQUESTS", "10000"))  # of its status
IDLE_SECONDS = int(os.environ.get("IDLE_SECONDS", "300"))
REGION = "us-east-1"
DEV_NULL = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1)]


def wall(*command):
    """Seconds from the start of a command to its end; stops everything if it fails."""
    start = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=DEV_NULL)
    _, status = os.waitpid(pid, 0)
    seconds = time.perf_counter() - start
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        sys.exit(f"{' '.join(command)}: exit status {code}")
    return seconds


def peak_rss(*command):
    """KiB. By GNU time, a small program: what a process was before its exec counts, so Python itself would be measured."""
    with tempfile.NamedTemporaryFile("r") as report:
        wall("/usr/bin/time", "--format=%M", f"--output={report.name}", *command)
        return int(report.read())


class Sts:
    """The simulated STS, and a user of it."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started = json.loads(self.process.stdout.readline())
        self.url, self.user = started["url"], started["alice"]
        self.address = urllib.parse.urlsplit(self.url)
        self.step = -REFRESHES * 6
        # One window for all codes of the run, each of which is taken once.
        self.control("set", {"code_tolerance": -self.step + 5})

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)

    def control(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        # The environment's proxies are not for the loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url}/_control/{path}", data) as answer:
            return json.load(answer)

    def code(self):
        """The code of the next step that was not used yet."""
        self.step += 1
        return self.control(f"code?user=alice&offset={self.step}")["code"]

    def round_trip(self):
        """Seconds of one GetSessionToken with a code: connect, send, and read the answer to its end."""
        request = self.signed_request(self.code())
        start = time.perf_counter()
        with socket.create_connection((self.address.hostname, self.address.port), 10) as connection:
            connection.sendall(request)
            answer = connection.makefile("rb")
            status, length = answer.readline(), 0
            while (line := answer.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            body = answer.read(length)
        seconds = time.perf_counter() - start
        if b" 200 " not in status or b"<SecretAccessKey>" not in body:
            sys.exit("the simulated STS refused the request of the measurement")
        return seconds

    def signed_request(self, code):
        """The bytes of the request, with Signature Version 4."""
        form = {"Action": "GetSessionToken", "Version": "2011-06-15", "DurationSeconds": "43200"}
        form |= {"SerialNumber": self.user["serial"], "TokenCode": code}
        body = urllib.parse.urlencode(form).encode()
        now = datetime.datetime.now(datetime.timezone.utc)
        day, stamp = f"{now:%Y%m%d}", f"{now:%Y%m%dT%H%M%SZ}"
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "host": self.address.netloc,
            "x-amz-date": stamp,
        }
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{day}/{REGION}/sts/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = ("AWS4" + self.user["secret_access_key"]).encode()
        for part in (day, REGION, "sts", "aws4_request", to_sign):
            key = hmac.digest(key, part.encode(), "sha256")
        credential = f"{self.user['access_key_id']}/{scope}"
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={key.hex()}"
        )
        headers |= {"content-length": str(len(body)), "connection": "close"}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST / HTTP/1.1\r\n{head}\r\n".encode() + body


def durable_write(beside):
    """Seconds to replace a file of that one's size so that it survives a power cut: what no editor can save."""
    content, new = os.urandom(beside.stat().st_size), beside.parent / "floor.new"
    start = time.perf_counter()
    with open(new, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.rename(new, beside.parent / "floor")
    directory = os.open(beside.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(directory)
    os.close(directory)
    seconds = time.perf_counter() - start
    os.unlink(beside.parent / "floor")
    return seconds


class Daemon:
    """The daemon, from its exec on; `ready` are the seconds until it let a client in."""

    def __init__(self, stsd):
        path = os.path.join(os.environ["XDG_RUNTIME_DIR"], "stsd", "stsd.sock")
        start = time.perf_counter()
        self.pid = os.posix_spawn(stsd, [stsd, "-q", "daemon"], os.environ, file_actions=DEV_NULL)
        while not lets_in(path):
            if time.perf_counter() - start > 10:
                sys.exit("stsd daemon: lets nobody in")
            time.sleep(0.0002)
        self.ready = time.perf_counter() - start

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        _, status = os.waitpid(self.pid, 0)
        if os.waitstatus_to_exitcode(status) != 0:
            sys.exit("stsd daemon: did not end well")

    def sleeps(self):
        """How often each of its threads has gone to sleep so far."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return {task.name: number(task / "status", "voluntary_ctxt_switches") for task in tasks}

    def written(self):
        """Bytes sent to the disk so far."""
        return number(f"/proc/{self.pid}/io", "write_bytes")

    def rss(self):
        """KiB."""
        return number(f"/proc/{self.pid}/status", "VmRSS")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def settle(self):
        """Waits until it has been quiet for longer than its runtime keeps a thread that has nothing to do (10 s)."""
        before, now, end = None, self.sleeps(), time.monotonic() + 60
        while before != now and time.monotonic() < end:
            time.sleep(11)
            before, now = now, self.sleeps()

    def idle(self, seconds):
        """Wake-ups a minute, and bytes written, while nobody wants anything."""
        self.settle()
        before, written = self.sleeps(), self.written()
        time.sleep(seconds)
        after, written = self.sleeps(), self.written() - written
        woken = sum(count - before.get(thread, 0) for thread, count in after.items())
        # A thread that has ended woke up for that.
        woken += len(before.keys() - after.keys())
        return woken * 60 / seconds, written


def lets_in(path):
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0


def number(file, name):
    """A number of a list of names with numbers, as /proc has them."""
    lines = Path(file).read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


def measure_daemon(stsd, sts, credentials):
    """Rows of the table: what a program that stays costs, with sessions of many profiles."""
    names = [f"p{index}" for index in range(PROFILES)]
    for name in names:
        add_key(stsd, sts.user, name)
    ready = []
    for _ in range(DAEMONS):
        daemon = Daemon(stsd)
        ready.append(daemon.ready)
        daemon.stop()
    daemon = Daemon(stsd)
    wall(stsd, "refresh", *names, "--code", sts.code())
    trips, floors, refreshes = [], [], []
    for _ in range(REFRESHES):
        trips.append(sts.round_trip())
        floors.append(durable_write(credentials))
        rested(credentials)
        refreshes.append(wall(stsd, "refresh", "work", "--code", sts.code()))
    own = [whole - trip - floor for whole, trip, floor in zip(refreshes, trips, floors)]
    yield f"| `stsd daemon`: from exec until it is ready, {DAEMONS} starts | {milliseconds(ready)} | budget: 50 ms |"
    yield f"| `stsd refresh --code` through it, {REFRESHES} times | {milliseconds(refreshes)} | |"
    yield f"| … of these: a GetSessionToken round trip | {milliseconds(trips)} | |"
    yield f"| … of these: one durable write of the file | {milliseconds(floors)} | |"
    yield f"| … beyond both | {milliseconds(own)} | budget: 10 ms |"
    try:
        wake_ups, written = daemon.idle(IDLE_SECONDS)
        rss = daemon.rss() / 1024
        idle = f"the idle daemon, {PROFILES + 1} profiles, {IDLE_SECONDS} s"
        yield f"| wake-ups of {idle} | {wake_ups:.1f} a minute | budget: 1 |"
        yield f"| bytes that it wrote | {written} | budget: 0 |"
        yield f"| its memory (RSS) | {rss:.1f} MiB | budget: 12 MB |"
        before = daemon.descriptors()
        for _ in range(REQUESTS):
            wall(stsd, "status", "work")
        daemon.settle()
        yield f"| its descriptors after {REQUESTS} requests | {daemon.descriptors()} | {before} before |"
        yield f"| its memory then | {daemon.rss() / 1024:.1f} MiB | {rss:.1f} MiB before |"
    except PermissionError:
        yield "| the idle daemon | not measured | only root sees into a process that is not dumpable |"
    daemon.stop()


def add_key(stsd, user, name):
    add = [stsd, "-q", "add", name, "--access-key-id", user["access_key_id"], "--mfa-serial", user["serial"]]
    subprocess.run(add, input=user["secret_access_key"] + "\n", text=True, check=True, stdout=subprocess.DEVNULL)


def rested(file):
    """Waits until the file was left alone for longer than a refresh looks back, as it is in daily use: that a refresh
    keeps away from a file that others are writing is no cost of its own."""
    while time.time() - file.stat().st_mtime < 0.2:
        time.sleep(0.01)


def milliseconds(samples):
    """Median, and the middle half in brackets."""
    low, middle, high = (1000 * value for value in statistics.quantiles(samples, n=4))
    return f"{middle:.2f} ms ({low:.2f} to {high:.2f})"


def main(stsd, strict_sts):
    sts = Sts(strict_sts)
    os.environ |= {"AWS_ENDPOINT_URL_STS": sts.url, "AWS_REGION": REGION}
    add_key(stsd, sts.user, "work")

    def refresh():
        return (stsd, "refresh", "work", "--code", sts.code())

    wall(*refresh())
    credentials = Path.home() / ".aws" / "credentials"
    trips, floors, refreshes = [], [], []
    for _ in range(REFRESHES):
        trips.append(sts.round_trip())
        floors.append(durable_write(credentials))
        rested(credentials)
        refreshes.append(wall(*refresh()))
    own = [whole - trip - floor for whole, trip, floor in zip(refreshes, trips, floors)]

    true, status = [], []
    for _ in range(STARTS):
        true.append(wall("/bin/true"))
        status.append(wall(stsd, "status"))
    ratio = statistics.median(status) / statistics.median(true)

    memory = {"/bin/true": ["/bin/true"], "stsd status": [stsd, "status"], "stsd refresh": refresh()}
    memory = {name: peak_rss(*command) for name, command in memory.items()}
    daemon = list(measure_daemon(stsd, sts, credentials))
    sts.stop()

    version = subprocess.run([stsd, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{version}, {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs; medians, middle half in brackets\n")
    print("| what | measured | floor of the same run |\n|---|---|---|")
    print(f"| binary, stripped | {os.path.getsize(stsd) / 1e6:.2f} MB | |")
    print(f"| `stsd status`, {STARTS} starts | {milliseconds(status)} | `/bin/true`: {milliseconds(true)}; ratio {ratio:.2f} |")
    print(f"| `stsd refresh --code`, {REFRESHES} times | {milliseconds(refreshes)} | |")
    print(f"| … of these: a GetSessionToken round trip | {milliseconds(trips)} | |")
    print(f"| … of these: one durable write of the file | {milliseconds(floors)} | |")
    print(f"| … beyond both | {milliseconds(own)} | |")
    for name in ("stsd status", "stsd refresh"):
        print(f"| peak memory of `{name}` | {memory[name] / 1024:.1f} MiB | `/bin/true`: {memory['/bin/true'] / 1024:.1f} MiB |")
    print("\n".join(daemon))


if __name__ == "__main__":
    main(*sys.argv[1:])
