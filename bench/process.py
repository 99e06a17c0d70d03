"""Processes: started here, ended here, and what they cost."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def running(command, log, **options):
    """A process that ends with the block. What it says goes to a log."""
    with open(log, "ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, **options)
    try:
        yield process
    finally:
        end(process)


def end(process, patience=20):
    """Asks a process to end, and insists where it does not."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cpu(pid):
    """CPU seconds of a process so far, those of all its threads."""
    with open(f"/proc/{pid}/stat") as stat:
        # The name in parentheses may hold spaces.
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid):
    """Megabytes of a process: all that is resident, and what of it no file backs."""
    with open(f"/proc/{pid}/status") as status:
        lines = dict(line.split(":", 1) for line in status)
    return tuple(int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))


class Growth:
    """How much memory a process takes during a block beyond what it had, in megabytes that no file backs."""

    def __init__(self, pid):
        self._pid, self._ended, self._seen = pid, threading.Event(), []

    def __enter__(self):
        self._before = memory(self._pid)[1]
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def _look(self):
        while not self._ended.wait(0.02):
            with contextlib.suppress(OSError):
                self._seen.append(memory(self._pid)[1])

    def __exit__(self, *_):
        self._ended.set()
        self._watch.join()
        half = max(len(self._seen) // 2, 1)
        self.first, self.second = (max(seen, default=self._before) - self._before for seen in (self._seen[:half], self._seen[half:]))


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(ready, what, patience=30):
    """Waits until something is so."""
    deadline = time.monotonic() + patience
    while not ready():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} was not ready within {patience} s")
        time.sleep(0.05)
