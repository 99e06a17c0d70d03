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
        self.lines = list(lines(options.points, 10_000))

    def round(self, number):
        """One series that is filled, one table that is copied into, and charts of the series."""
        series = self.series(sigma=1.0)
        peak = process.memory(self.mesh.processes["analysis"].pid)[1]
        began = time.monotonic()
        answer = self.send(series, self.lines)
        ingest = time.monotonic() - began
        grown = process.memory(self.mesh.processes["analysis"].pid)[1] - peak
        assert int(answer["stored"]) == self.options.points, answer
        copies = self.copies(series, number)
        charts = [self.chart(series) for _ in range(11)]
        return {"ingest": ingest, "alerts": int(answer["alerts"]), "grown": grown, **copies,
                "chart": statistics.median(seconds for seconds, _ in charts), "bytes": charts[0][1]}

    def series(self, sigma):
        body = {"name": "bench", "path": "bench", "entity_type": "method", "metric": "bench", "ctrl_lcl": -5 * sigma, "ctrl_ucl": 5 * sigma}
        return ask(f"{self.mesh.url}{SERIES}", body, self.mesh.sign_in())["id"]

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
        series = self.series(sigma=0.6)
        threading.Timer(1.0, lambda: self.mesh.processes["analysis"].kill()).start()
        try:
            self.send(series, self.lines, key="killed")
            raise SystemExit("the service was not killed midway; more points are needed")
        except (OSError, http.client.HTTPException):
            pass
        left = self.sql(f"SELECT count(*) FROM analysis.spc_points WHERE series_id = '{series}'")
        counted = self.sql(f"SELECT points FROM analysis.spc_states WHERE series_id = '{series}'")
        assert left == counted and int(left) % 10_000 == 0, (left, counted)
        self.mesh.start("analysis")
        process.until(lambda: answers(f"{self.mesh.url}/health/ready"), "the mesh")
        answer = self.send(series, self.lines, key="killed")
        whole = self.series(sigma=0.6)
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
    rate = lambda seconds: f"{options.points / seconds / 1000:.0f}k"
    rows = [
        f"| {label} | {middle(name):.2f} | {spread(name)} | {rate(middle(name))} | {middle(name) and middle('bare') / middle(name):.2f} |"
        for label, name in [("COPY, a bare table", "bare"), ("COPY, the same indexes and checks", "indexed"), ("stored and judged, through the gateway", "ingest")]
    ]
    return "\n".join([
        "# Points of a control chart",
        "",
        f"`bench/ingest`, {options.points:,} points a series, {options.rounds} rounds on {os.cpu_count()} cores. A point each second, in lines of 10,000; Western",
        "Electric's rules; limits at five sigma, so that the alerts are those of a process in control. The copies are of the rows that were stored.",
        "",
        "| | seconds | spread | points/s | rate by that of a bare COPY |",
        "| --- | --- | --- | --- | --- |",
        *rows,
        "",
        f"- Alerts opened: {middle('alerts'):.0f} a series. The service grew by {middle('grown'):.1f} MB.",
        f"- The chart of {options.points:,} points: {1000 * middle('chart'):.0f} ms ({1000 * min(of('chart')):.0f} to {1000 * max(of('chart')):.0f}), {middle('bytes') / 1000:.0f} kB.",
        f"- Killed with SIGKILL midway: {killed['left']:,} points were there, by rows and by the series' own count. Sent again with the same key, the other",
        f"  {killed['stored']:,} were stored, and all were judged as those of a series that was filled without a break, with the same {killed['alerts']:,} alerts.",
        "",
    ])


if __name__ == "__main__":
    main()
