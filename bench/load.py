"""Load of bounded time from wrk and h2load, and what it cost whom."""

import json
import os
import pathlib
import re
import shutil
import struct
import subprocess

import process

CONNECTIONS = 16


def gateway(url, call, token, seconds):
    """Calls a gateway in JSON over HTTP/1.1."""
    environment = {"PATH": os.environ["PATH"], "BENCH_METHOD": call.method}
    headers = ["-H", f"authorization: Bearer {token}"]
    if call.body:
        environment["BENCH_BODY"] = json.dumps(call.body, separators=(",", ":"))
        headers += ["-H", "content-type: application/json"]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", pathlib.Path(__file__).with_name("wrk.lua"), *headers, url + call.path]
    counted = json.loads(run(command, seconds, env=environment).splitlines()[-1])
    # wrk looks at the status alone, so the size vouches for the content; gateways may space their JSON differently.
    if counted["failed"] or not counted["requests"] or counted["bytes"] / counted["requests"] < call.message_size:
        raise SystemExit(f"{call.name}: failed: {counted}")
    return counted


def service(address, call, message, token, seconds, work):
    """Calls the service itself in gRPC over HTTP/2, as many calls at a time as a gateway is given."""
    body, log = work / "message", work / "h2load.log"
    body.write_bytes(b"\0" + struct.pack(">I", len(message)) + message)
    log.unlink(missing_ok=True)
    output = run(["h2load", "-c2", f"-m{CONNECTIONS // 2}", "-t1", f"-D{seconds}", "-d", body, "--log-file", log,
                  "-H", "content-type: application/grpc", "-H", "te: trailers", "-H", f"authorization: Bearer {token}",
                  f"http://{address}/spectra.lims.v1.SampleService/{call.rpc}"], seconds)
    done, failed = map(int, re.search(r"(\d+) done, \d+ succeeded, (\d+) failed", output).groups())
    sent = int(re.search(r"\((\d+)\) data", output)[1])
    # A refusal in gRPC is HTTP's 200 too, but it has no message.
    if failed or not done or sent / done < 0.9 * call.message_size:
        raise SystemExit(f"{call.name}: the service itself failed: {output}")
    times = sorted(int(line.split()[2]) / 1e3 for line in log.open())
    return {"requests": done, "seconds": seconds, "p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100]}


def run(command, seconds, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 30, **options).stdout


def measured(load, pids):
    """Puts load on, and adds what 10,000 requests of it cost each process."""
    before = {name: process.cpu(pid) for name, pid in pids.items()}
    counted = load()
    spent = {name: process.cpu(pid) - before[name] for name, pid in pids.items()}
    return counted | {
        "rate": counted["requests"] / counted["seconds"],
        "cpu": {name: seconds / counted["requests"] * 10_000 for name, seconds in spent.items()},
    }


def lacking():
    """What this needs and does not find."""
    return [f"{program} (Debian: {package})" for program, package in [("wrk", "wrk"), ("h2load", "nghttp2-client")] if not shutil.which(program)]
