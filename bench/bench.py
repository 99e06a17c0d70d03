"""Measures the gateway and Envoy's transcoder on the same calls to the same service, in turns. `run` starts it."""

import argparse
import collections
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

import calls
import load
import process
import report
from cluster import Cluster
from mesh import Envoy, Mesh, ask

SAMPLES = 200
STARTS = 5


def main():
    options = arguments()
    # So that everything started here ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    if lacking := load.lacking():
        raise SystemExit(f"these are missing: {', '.join(lacking)}")
    cluster = Cluster(options.spectra, options.work)
    starts, up = start_times(cluster)
    cluster.start()
    with contextlib.ExitStack() as stack:
        stack.callback(cluster.stop)
        mesh = Mesh(cluster, options.work, stack)
        idle = {"up": up} | {f"serve {role}": process.memory(each.pid) for role, each in settled(mesh.processes).items()}
        descriptors = subprocess.run([options.spectra, "descriptors"], check=True, capture_output=True).stdout
        envoy = start_envoy(descriptors, mesh, options.work, stack)
        idle["Envoy"] = process.memory(envoy.process.pid)
        rounds = Bench(mesh, envoy, calls.Messages(descriptors), options).rounds()
    text = report.text(options, rounds, starts, idle)
    print(text)
    options.results.write_text(text)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spectra", type=pathlib.Path, required=True, help="the program under test")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="an empty folder for what the run makes")
    parser.add_argument("--results", type=pathlib.Path, default=pathlib.Path(__file__).with_name("RESULTS.md"))
    parser.add_argument("--rounds", type=int, default=7, choices=range(1, 21), metavar="1..20")
    parser.add_argument("--seconds", type=int, default=2, choices=range(1, 11), metavar="1..10", help="of each load")
    return parser.parse_args()


def start_times(cluster):
    """Starts the mesh and bare PostgreSQL in turns on one cluster. Answers the seconds, and the idle memory of `up`."""
    seconds = {"up": [], "pg_ctl": []}
    for _ in range(STARTS):
        with cluster.up() as up:
            seconds["up"].append(up.seconds)
            memory = process.memory(settled(up).process.pid)
        seconds["pg_ctl"].append(cluster.start())
        cluster.stop()
    return seconds, memory


def settled(started):
    """Lets what was started come to rest."""
    time.sleep(2)
    return started


def start_envoy(descriptors, mesh, work, stack):
    file = work / "descriptors.pb"
    file.write_bytes(descriptors)
    program = pathlib.Path(sys.executable).with_name("envoy")
    # As many workers as the gateway's runtime has: one a core.
    return settled(Envoy(program, file, mesh.ports["lims"], os.cpu_count(), work, stack))


class Bench:
    def __init__(self, mesh, envoy, messages, options):
        self.mesh, self.envoy, self.messages, self.options = mesh, envoy, messages, options
        self.service = f"127.0.0.1:{mesh.ports['lims']}"
        self.lims = mesh.processes["lims"].pid
        self.gateways = {"ours": (mesh.url, mesh.processes["gateway"].pid), "Envoy": (envoy.url, envoy.process.pid)}

    def rounds(self):
        """Answers, by call and contestant, what each round counted."""
        token = self.mesh.sign_in()
        for number in range(SAMPLES):
            made = ask(f"{self.mesh.url}/api/lims/samples", calls.sample(number), token)
        several = calls.calls(made["id"])
        self.round(0, several, 1, collections.defaultdict(list))  # warms up, and is forgotten
        counted, before = collections.defaultdict(list), self.samples()
        for number in range(self.options.rounds):
            print(f"round {number + 1} of {self.options.rounds}", file=sys.stderr)
            self.round(number, several, self.options.seconds, counted)
        self.all_were_created(before, counted)
        return counted

    def round(self, number, several, seconds, counted):
        token = self.mesh.sign_in()
        contestants = [*self.gateways, "service"]
        for call in several:
            calls.check(call, [url for url, _ in self.gateways.values()], self.service, self.messages, token)
            # Nobody is always the first after a check.
            for turn in range(len(contestants)):
                who = contestants[(number + turn) % len(contestants)]
                counted[call.name, who].append(self.measure(who, call, token, seconds))

    def measure(self, who, call, token, seconds):
        if who == "service":
            asked = call, self.messages.encode(call), token, seconds, self.options.work
            return load.measured(lambda: load.service(self.service, *asked), {"lims": self.lims})
        url, pid = self.gateways[who]
        counted = load.measured(lambda: load.gateway(url, call, token, seconds), {"gateway": pid, "lims": self.lims})
        return counted | {"memory": process.memory(pid)}

    def samples(self):
        return ask(f"{self.mesh.url}/api/lims/samples?limit=1&count=true", token=self.mesh.sign_in())["pagination"]["total"]

    def all_were_created(self, before, counted):
        """Holds what was answered against what is there."""
        answered = sum(each["requests"] for (call, _), several in counted.items() if call == "create" for each in several)
        if (made := self.samples() - before) < answered:
            raise SystemExit(f"{answered} samples were answered for, and {made} were made")


if __name__ == "__main__":
    main()
