"""The installation under test: made and seeded once by `spectra up`, its PostgreSQL then run by `pg_ctl`."""

import hashlib
import hmac
import os
import pathlib
import shlex
import subprocess
import time
import urllib.parse

import process


class Cluster:
    def __init__(self, spectra, work):
        self.spectra = spectra
        self.data = work / "data"
        self.log = work / "pg_ctl.log"
        self._listeners = [
            word
            for name in ("--listen", "--analysis-listen", "--lims-listen", "--identity-listen", "--telemetry-listen")
            for word in (name, f"127.0.0.1:{process.free_port()}")
        ]
        with self.up():
            # The command that `up` starts PostgreSQL with, so that `pg_ctl` starts the very same one.
            words = shlex.split((self.data / "postgres/data/postmaster.opts").read_text())
        self.programs = pathlib.Path(words[0]).parent
        self.options = words[3:]

    def up(self):
        return Up([self.spectra, "up", "--data", self.data, *self._listeners], self.data.with_suffix(".log"))

    def pg_ctl(self, verb, *words):
        """Runs `pg_ctl` as the cluster's owner, since PostgreSQL refuses root."""
        home = self.data / "postgres/data"
        owner = home.stat()
        account = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        with open(self.log, "ab") as log:
            subprocess.run([self.programs / "pg_ctl", verb, "-w", "-D", home, *words],
                           check=True, stdout=log, stderr=log, cwd="/", **account)

    def start(self):
        """Starts PostgreSQL alone. Answers how many seconds that took."""
        began = time.monotonic()
        self.pg_ctl("start", "-o", shlex.join(self.options))
        return time.monotonic() - began

    def stop(self):
        self.pg_ctl("stop", "-m", "fast")

    def url(self, role):
        """How a service signs in."""
        folder = urllib.parse.quote(str(self.data / "postgres/run"), safe="")
        return f"postgres://{role}:{self._derive('database role', role)}@{folder}:5432/spectra"

    def key_encryption_key(self):
        """The file that `serve identity` wants."""
        file = self.data / "key-encryption-key"
        file.write_text(self._derive("key encryption", ""))
        return file

    def _derive(self, purpose, of):
        """What `up` makes of its one secret; without it the processes of `serve` could not share its data."""
        secret = (self.data / "secret").read_text().strip()
        return hmac.new(secret.encode(), f"spectra {purpose} {of}".encode(), hashlib.sha256).hexdigest()


class Up:
    """`spectra up`, from its start until the end of the block."""

    def __init__(self, command, log):
        self.command, self.log = command, log

    def __enter__(self):
        began = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=log, text=True)
        for line in self.process.stdout:
            if line.startswith("ready "):
                self.seconds = time.monotonic() - began
                return self
        raise SystemExit(f"`spectra up` ended before it was ready: {self.log.read_text()}")

    def __exit__(self, *_):
        process.end(self.process)
        self.process.stdout.close()
