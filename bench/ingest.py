"""Measures the points of a control chart: stored and judged against a bare COPY, killed midway, and drawn. `ingest` starts it."""

import argparse
import contextlib
import datetime
import http.client
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

import process
from cluster import Cluster
from mesh import Mesh, answers, ask

SERIES = "/api/analysis/spc/series"
# How many points a line has.
LINE = 10_000
# What the points go through.
ROLES = ["gateway", "analysis"]
# The rate by that of a bare COPY; the chart's seconds and bytes; by how many megabytes the second half of the points may grow a service.
BUDGETS = {"rate": (0.25, 0.5), "chart": 0.150, "bytes": 2_000_000, "MB": 8}


def main():
    options = arguments()
    # So that everything started here ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    cluster = Cluster(options.spectra, options.work)
    cluster.start()
    with contextlib.ExitStack() as stack:
        stack.callback(cluster.stop)
        bench = Bench(cluster, Mesh(cluster, options.work, stack), options)
        rounds = [bench.round(number) for number in range(options.rounds)]
        killed = bench.killed()
    text = report(options, rounds, killed)
    print(text)
    options.results.write_text(text)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spectra", type=pathlib.Path, required=True, help="the program under test")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="an empty folder for what the run makes")
    parser.add_argument("--results", type=pathlib.Path, default=pathlib.Path(__file__).with_name("INGEST.md"))
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, choices=range(1, 11), metavar="1..10")
    return parser.parse_args()


class Bench:
    def __init__(self, cluster, mesh, options):
        self.cluster, self.mesh, self.options = cluster, mesh, options
        self.lines = list(lines(options.points, LINE))

    def round(self, number):
        """Series that are filled, tables that are copied into, and charts of the series."""
        # Far limits, where nothing signals but what is at the far ends; near ones, whose rules signal in a process in control too; and none.
        quiet, near, open_ended = self.series(sigma=5 / 3), self.series(sigma=1.0), self.series()
        figures = {}
        for name, series in [("ingest", quiet), ("alerting", near), ("unjudged", open_ended)]:
            with contextlib.ExitStack() as watch:
                grown = {role: watch.enter_context(process.Growth(self.mesh.processes[role].pid)) for role in ROLES}
                began = time.monotonic()
                answer = self.send(series, self.lines, key=f"{name} {number}")
                figures[name] = time.monotonic() - began
            assert int(answer["stored"]) == self.options.points, answer
            figures[f"{name} alerts"] = int(answer["alerts"])
            for role in ROLES:
                figures |= {f"{name} {role} first": grown[role].first, f"{name} {role} second": grown[role].second}
        figures |= self.again(quiet, f"ingest {number}")
        figures |= self.copies(quiet, number)
        for name, series in [("chart", near), ("open chart", open_ended)]:
            charts = [self.chart(series) for _ in range(11)]
            figures |= {name: statistics.median(seconds for seconds, _ in charts), f"{name} bytes": charts[0][1]}
        return figures

    def series(self, sigma=None):
        """A series whose limits are three sigma off zero; or one without, whose limits are what its points seem to be."""
        body = {"name": "bench", "path": "bench", "entity_type": "method", "metric": "bench"}
        limits = {"ctrl_lcl": -3 * sigma, "ctrl_ucl": 3 * sigma} if sigma else {}
        return ask(f"{self.mesh.url}{SERIES}", body | limits, self.mesh.sign_in())["id"]

    def again(self, series, key):
        """The same stream with the same key: nothing is stored twice."""
        began = time.monotonic()
        answer = self.send(series, self.lines, key=key)
        seconds = time.monotonic() - began
        assert int(answer["points"]) == self.options.points == int(self.count(series)), answer
        return {"again": seconds}

    def count(self, series):
        return self.sql(f"SELECT count(*) FROM analysis.spc_points WHERE series_id = '{series}'")

    def send(self, series, lines, key=None):
        """Sends lines as one stream. Answers what the service answers."""
        url = urllib.parse.urlsplit(self.mesh.url)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=600)
        headers = {"authorization": f"Bearer {self.mesh.sign_in()}", "content-type": "application/x-ndjson"}
        headers |= {"idempotency-key": key} if key else {}
        connection.request("POST", f"{SERIES}/{series}/points/import", iter(lines), headers, encode_chunked=True)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise OSError(f"{answer.status} {body[:500]}")
        return json.loads(body)

    def sql(self, text):
        """Runs SQL as who may do everything. Answers what it prints."""
        command = [self.options.spectra, "psql", "--data", self.cluster.data, "--", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", text]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def copies(self, series, number):
        """The same rows copied from a file: into a bare table, and into one with the same indexes and checks."""
        file = self.options.work / f"rows{number}"
        self.sql(f"\\copy (SELECT * FROM analysis.spc_points WHERE series_id = '{series}' ORDER BY ts, id) TO '{file}'")
        seconds = {}
        for name, like in [("bare", ""), ("indexed", "INCLUDING ALL")]:
            self.sql(f"CREATE TABLE public.bench_{name} (LIKE analysis.spc_points {like})")
            began = time.monotonic()
            self.sql(f"\\copy public.bench_{name} FROM '{file}'")
            seconds[name] = time.monotonic() - began
            self.sql(f"DROP TABLE public.bench_{name}")
        file.unlink()
        return seconds

    def chart(self, series):
        token = self.mesh.sign_in()
        request = urllib.request.Request(f"{self.mesh.url}{SERIES}/{series}/chart", headers={"authorization": f"Bearer {token}"})
        began = time.monotonic()
        with urllib.request.urlopen(request, timeout=60) as answer:
            body = answer.read()
        seconds = time.monotonic() - began
        chart = json.loads(body)
        assert int(chart["total"]) == self.options.points and chart["is_reduced"], chart["total"]
        return seconds, len(body)

    def killed(self):
        """The analysis service is killed while points come; the stream is sent again with its key. Answers what was found."""
        series = self.series(sigma=1.0)
        threading.Timer(1.0, lambda: self.mesh.processes["analysis"].kill()).start()
        try:
            self.send(series, self.lines, key="killed")
            raise SystemExit("the service was not killed midway; more points are needed")
        except (OSError, http.client.HTTPException):
            pass
        left = self.count(series)
        counted = self.sql(f"SELECT points FROM analysis.spc_states WHERE series_id = '{series}'")
        assert left == counted and int(left) % LINE == 0, (left, counted)
        self.mesh.start("analysis")
        process.until(lambda: answers(f"{self.mesh.url}/health/ready"), "the mesh")
        answer = self.send(series, self.lines, key="killed")
        whole = self.series(sigma=1.0)
        self.send(whole, self.lines)
        judged = [
            self.sql(f"SELECT md5(string_agg(triggered_rules::text, '' ORDER BY ts, id)) FROM analysis.spc_points WHERE series_id = '{each}'")
            for each in (series, whole)
        ]
        alerts = [self.sql(f"SELECT count(*) FROM analysis.spc_alerts WHERE series_id = '{each}'") for each in (series, whole)]
        assert judged[0] == judged[1] and alerts[0] == alerts[1], (judged, alerts)
        assert int(answer["points"]) == self.options.points, answer
        return {"left": int(left), "stored": int(answer["stored"]), "alerts": int(alerts[0])}


def lines(points, each):
    """The stream: a value a second, by a normal distribution, some thousand in each line."""
    draw = random.Random(1)
    start = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - datetime.timedelta(seconds=points)
    for first in range(0, points, each):
        times = ((start + datetime.timedelta(seconds=nth)).isoformat().replace("+00:00", "Z") for nth in range(first, min(first + each, points)))
        sent = [{"ts": ts, "value": round(draw.gauss(0, 1), 6)} for ts in times]
        yield json.dumps({"points": sent}, separators=(",", ":")).encode() + b"\n"


def report(options, rounds, killed):
    of = lambda name: [each[name] for each in rounds]
    middle = lambda name: statistics.median(of(name))
    spread = lambda name: f"{min(of(name)):.2f} to {max(of(name)):.2f}"
    rate = lambda name: statistics.median(each["bare"] / each[name] for each in rounds)
    timed = [
        ("COPY, a bare table", "bare"),
        ("COPY, the same indexes and checks", "indexed"),
        ("stored and judged", "ingest"),
        ("stored and judged, with alerts", "alerting"),
        ("stored, of a series without limits", "unjudged"),
        ("sent once more with the same key", "again"),
    ]
    rows = [f"| {label} | {middle(name):.2f} | {spread(name)} | {options.points / middle(name) / 1000:.0f}k | {rate(name):.2f} |"
            for label, name in timed]
    must, aim = BUDGETS["rate"]
    growths = lambda half: [middle(f"{name} {role} {half}") for name in ("ingest", "alerting", "unjudged") for role in ROLES]
    late = max(second - max(first, 0) for first, second in zip(growths("first"), growths("second")))
    slowest = max(middle("chart"), middle("open chart"))
    largest = max(middle("chart bytes"), middle("open chart bytes"))
    kept = lambda is_kept: "kept" if is_kept else "**missed**"
    budgets = [
        f"| rate of stored and judged by that of a bare COPY | {must} | {aim} | {rate('ingest'):.2f} | {kept(rate('ingest') >= must)} |",
        f"| chart | {1000 * BUDGETS['chart']:.0f} ms | | {1000 * slowest:.0f} ms | {kept(slowest < BUDGETS['chart'])} |",
        f"| its size | {BUDGETS['bytes'] // 1000} kB | | {largest / 1000:.0f} kB | {kept(largest < BUDGETS['bytes'])} |",
        f"| what the second half of the points adds to a service's memory | {BUDGETS['MB']} MB | | {late:.0f} MB | {kept(late < BUDGETS['MB'])} |",
    ]
    return "\n".join([
        "# Points of a control chart",
        "",
        f"Written by `bench/ingest`: {options.points:,} points a series, {options.rounds} rounds.",
        "",
        "| what | which |",
        "| --- | --- |",
        f"| date | {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC |",
        f"| machine | {os.cpu_count()} cores, Linux {os.uname().release} |",
        f"| load average of the last 5 minutes, ours and others' | {os.getloadavg()[1]:.1f} |",
        "",
        "| what | seconds | spread | points/s | rate by that of a bare COPY |",
        "| --- | --- | --- | --- | --- |",
        *rows,
        "",
        "| what | must | aim | is | |",
        "| --- | --- | --- | --- | --- |",
        *budgets,
        "",
        f"- Alerts opened: {middle('ingest alerts'):.0f} where limits are far, {middle('alerting alerts'):.0f} where they are three sigma off.",
        "- Growth at most while the first half of the points came, and the second: " + "; ".join(
            f"{role} {middle(f'ingest {role} first'):.0f} and {middle(f'ingest {role} second'):.0f} MB" for role in ROLES) + ".",
        f"- The chart of {options.points:,} points: {1000 * middle('chart'):.0f} ms, {middle('chart bytes') / 1000:.0f} kB; of a series whose limits are",
        f"  reckoned from its newest points {1000 * middle('open chart'):.0f} ms, {middle('open chart bytes') / 1000:.0f} kB.",
        f"- Killed with SIGKILL midway: {killed['left']:,} points were there, by rows and by the series' own count. Sent again with the same key, the",
        f"  other {killed['stored']:,} were stored, and all were judged as those of a series that was filled without a break, with the same",
        f"  {killed['alerts']:,} alerts.",
        "",
        "## How to read it",
        "",
        f"- A point a second, from a normal distribution, in lines of {LINE:,}, sent as NDJSON to the gateway, which passes them on to the",
        "  analysis service; Western Electric's rules. JSON is read, points are judged and stored, and spans are summed up for the chart; each line is",
        "  a transaction. Far limits are five sigma off; near ones three, so that a process in control signals now and then as well.",
        "- **COPY** is PostgreSQL's own, of the rows that were stored, from a file, in one transaction, into a new table.",
        "- **Growth** is memory that no file backs, looked at every 20 ms while points come, above what there was before: the first half fills",
        "  the buffers of a line, and the second must not need more.",
        "",
    ])


if __name__ == "__main__":
    main()
