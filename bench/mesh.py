"""The mesh as a cluster runs it, each role a process, and Envoy beside its gateway."""

import json
import urllib.error
import urllib.request

from process import free_port, running, until

# The database accounts of each role.
ACCOUNTS = {
    "identity": ["spectra_identity", "spectra_identity_system"],
    "lims": ["spectra_lims"],
    "analysis": ["spectra_analysis"],
    "gateway": [],
}


class Mesh:
    """The four roles of `spectra serve`."""

    def __init__(self, cluster, work, stack):
        self.ports = {role: free_port() for role in ACCOUNTS}
        self.processes = {}
        self._cluster, self._work, self._stack = cluster, work, stack
        for role in ACCOUNTS:
            self.start(role)
        self.url = f"http://127.0.0.1:{self.ports['gateway']}"
        until(lambda: answers(f"{self.url}/health/ready"), "the mesh")

    def start(self, role):
        """Starts the process of a role, again if it has ended."""
        peers = {f"SPECTRA_{role.upper()}_URL": f"http://127.0.0.1:{port}" for role, port in self.ports.items() if role != "gateway"}
        settings = dict(zip(["DATABASE_URL", "SPECTRA_SYSTEM_DATABASE_URL"], map(self._cluster.url, ACCOUNTS[role])))
        if role == "identity":
            settings["SPECTRA_KEY_ENCRYPTION_KEY_FILE"] = str(self._cluster.key_encryption_key())
        command = [self._cluster.spectra, "serve", role, "--listen", f"127.0.0.1:{self.ports[role]}",
                   "--telemetry-listen", f"127.0.0.1:{free_port()}"]
        self.processes[role] = self._stack.enter_context(running(command, self._work / f"{role}.log", env=peers | settings))

    def sign_in(self):
        """A fresh token: one lives ten minutes, so each round asks for its own."""
        return ask(f"{self.url}/auth/login", {"username": "engineer@demo.lab", "password": "eng123"})["access_token"]


class Envoy:
    """Envoy's transcoder in front of the same LIMS."""

    def __init__(self, program, descriptors, lims_port, workers, work, stack):
        port = free_port()
        config = work / "envoy.json"
        config.write_text(json.dumps(configuration(port, lims_port, descriptors)))
        command = [program, "-c", config, "--concurrency", str(workers), "--disable-hot-restart", "--log-level", "warning"]
        self.process = stack.enter_context(running(command, work / "envoy.log"))
        self.url = f"http://127.0.0.1:{port}"
        until(lambda: answers(f"{self.url}/api/lims/samples", refusal=401), "Envoy")


def configuration(port, lims_port, descriptors):
    """Envoy's configuration, as plain as it can be: no access log, no tracing, no check of the token."""
    at = lambda number: {"socket_address": {"address": "127.0.0.1", "port_value": number}}
    typed = lambda kind, **fields: {"@type": f"type.googleapis.com/envoy.extensions.{kind}", **fields}
    transcoder = typed(
        "filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        proto_descriptor=str(descriptors),
        services=["spectra.lims.v1.SampleService"],
        convert_grpc_status=True,
        print_options={"preserve_proto_field_names": True, "always_print_primitive_fields": True},
    )
    manager = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="bench",
        route_config={"virtual_hosts": [
            {"name": "lims", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "lims"}}]}]},
        http_filters=[
            {"name": "transcoder", "typed_config": transcoder},
            {"name": "router", "typed_config": typed("filters.http.router.v3.Router")},
        ],
    )
    http2 = typed("upstreams.http.v3.HttpProtocolOptions", explicit_http_config={"http2_protocol_options": {}})
    return {"static_resources": {
        "listeners": [{"address": at(port), "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]}],
        "clusters": [{
            "name": "lims",
            "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2},
            "load_assignment": {"cluster_name": "lims", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": at(lims_port)}}]}]},
        }],
    }}


def ask(url, body=None, token=None):
    """One call in JSON; a refusal is an error."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def answers(url, refusal=None):
    """Whether somebody answers there: well, or with the refusal that is expected."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        return error.code == refusal
    except OSError:
        return False
