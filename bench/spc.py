"""The eight Nelson rules over a million points: ours, and the same in vectorised numpy, by turns in one run."""

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time

import numpy as np

POINTS = 1_000_000
ROUNDS = 9
CALLS = 5
RULES = ["1 beyond 3s", "9 one side", "6 trend", "14 alternating", "2 of 3 beyond 2s", "4 of 5 beyond 1s", "15 within 1s", "8 outside 1s, both sides"]

HOW_TO_READ = f"""\
## How to read it

- Both judge the same {POINTS:,} points, made of a seed, in quarters of sigma, so that many lie on lines; before anything is told, both must find
  each rule as often. **numpy** is whole-array arithmetic: running sums for windows, no loop over points.
- Nanoseconds a point, the middle of {ROUNDS} rounds with the least and the greatest in parentheses; in each round the contestants take
  turns, each with the middle of {CALLS} calls, as the first ones ask for memory. **numpy/ours** is formed in each round. Others use the
  machine meanwhile, so figures of another run are no measure for one of this.
- **All at once** is one call over the array: the rules read words of bits, many points at a time. **Point by point** is a series that is
  fed, with moving range, limits and state that could be kept after any point. Both must say the same of every point.
"""


def points():
    """Sums of random bits: the generator of the rule vectors, seed 7."""
    mixed = np.uint64(7) + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, POINTS + 1, dtype=np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (np.bitwise_count(mixed).astype(np.float64) - 32.0) / 4.0


def window(marks, size):
    """How many of the newest `size` points are marked; fewer where there are not as many yet."""
    sums = np.cumsum(marks, dtype=np.int32)
    sums[size:] = sums[size:] - sums[:-size]
    return sums


def nelson(x):
    """Where each rule signals, centre 0 and sigma 1."""
    high = [x > k for k in (0, 1, 2, 3)]
    low = [x < -k for k in (0, 1, 2, 3)]
    rise, fall = np.zeros(len(x), bool), np.zeros(len(x), bool)
    rise[1:], fall[1:] = x[1:] > x[:-1], x[1:] < x[:-1]
    turn = np.zeros(len(x), bool)
    turn[1:] = (rise[1:] & fall[:-1]) | (fall[1:] & rise[:-1])
    outside = high[1] | low[1]
    above, below = window(high[1], 8), window(low[1], 8)
    return [
        high[3] | low[3],
        (window(high[0], 9) == 9) | (window(low[0], 9) == 9),
        (window(rise, 5) == 5) | (window(fall, 5) == 5),
        window(turn, 12) == 12,
        (high[2] & (window(high[2], 3) >= 2)) | (low[2] & (window(low[2], 3) >= 2)),
        (high[1] & (window(high[1], 5) >= 4)) | (low[1] & (window(low[1], 5) >= 4)),
        window(~outside, 15) == 15,
        (above + below == 8) & (above > 0) & (below > 0),
    ]


def figure(values, digits):
    middle, least, greatest = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f} ({least:.{digits}f}..{greatest:.{digits}f})"


def main(ours, results):
    x = points()
    rounds = []
    for _ in range(ROUNDS):
        took = []
        for _ in range(CALLS):
            started = time.perf_counter()
            signals = nelson(x)
            took.append((time.perf_counter() - started) * 1e9 / POINTS)
        numpy = statistics.median(took)
        told = json.loads(subprocess.run([ours], check=True, capture_output=True, text=True).stdout)
        counts = [int(marks.sum()) for marks in signals]
        if told["points"] != POINTS or told["counts"] != counts:
            sys.exit(f"they differ: {told} is not {counts}")
        rounds.append((numpy, told["batch_ns"], told["online_ns"]))
    numpy, batch, online = zip(*rounds)
    processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    lines = [
        "# The rules of control charts against numpy",
        "",
        "Written by `bench/spc`.",
        "",
        "| what | which |",
        "| --- | --- |",
        f"| date | {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC |",
        f"| machine | {os.cpu_count()} cores, {processor}, {platform.system()} {platform.release()} |",
        f"| load average of the last 5 minutes, ours and others' | {os.getloadavg()[1]:.1f} |",
        f"| versions | numpy {np.__version__}, Python {platform.python_version()} |",
        "",
        "## All eight Nelson rules",
        "",
        "| who | ns a point | numpy/ours |",
        "| --- | --- | --- |",
        f"| **ours**, all at once | {figure(batch, 1)} | {figure([a / b for a, b in zip(numpy, batch)], 1)} |",
        f"| **ours**, point by point | {figure(online, 1)} | {figure([a / b for a, b in zip(numpy, online)], 1)} |",
        f"| numpy, all at once | {figure(numpy, 1)} |  |",
        "",
        "| rule | signals |",
        "| --- | --- |",
        *(f"| {rule} | {count} |" for rule, count in zip(RULES, counts)),
        "",
        HOW_TO_READ,
    ]
    with open(results, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


main(sys.argv[1], sys.argv[2])
