"""The calls that are measured, as JSON for gateways and as messages for the service itself."""

import dataclasses

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

import mesh

SERVICE = "spectra.lims.v1.SampleService"


@dataclasses.dataclass
class Call:
    name: str
    method: str
    path: str
    rpc: str
    request: dict
    body: dict = None
    # How many bytes the answer's message has, known once it was checked.
    message_size: int = 0


def sample(number):
    """A sample as labs describe them."""
    return {
        "name": f"Wafer W-{number:05}",
        "material_type": "Si",
        "lot_code": f"LOT-{2041 + number // 25}",
        "location": f"Dry box {number % 7 + 1}, shelf {'ABC'[number % 3]}",
        "dimensions": {"diameter_mm": 200, "thickness_um": 725.4, "flat_deg": 0.25},
        "properties": {"resistivity_ohm_cm": 10.2, "orientation": "100", "dopant": "B", "epi": False},
        "metadata": {
            "supplier": "Northwind Wafers",
            "process": {"step": "gate oxide", "tool": "furnace-2", "recipe": "GOX-12", "temperature_c": 950.5, "minutes": 42},
            "oxide_nm": [11.8, 11.9, 12.1, 12.0, 11.7],
            "note": "edge chip at 4 o'clock, µ-Raman before and after anneal",
        },
    }


def calls(an_id):
    return [
        Call("get one", "GET", f"/api/lims/samples/{an_id}", "GetSample", {"id": an_id}),
        Call("list of 100", "GET", "/api/lims/samples?limit=100", "ListSamples", {"limit": 100}),
        Call("create", "POST", "/api/lims/samples", "CreateSample", {"sample": sample(7)}, sample(7)),
    ]


class Messages:
    """The contract's messages, from its descriptors."""

    def __init__(self, descriptors):
        pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(descriptors).file:
            pool.Add(file)
        self.methods = {method.name: method for method in pool.FindServiceByName(SERVICE).methods}

    def encode(self, call):
        kind = message_factory.GetMessageClass(self.methods[call.rpc].input_type)
        return json_format.ParseDict(call.request, kind()).SerializeToString()

    def ask(self, address, call, token):
        """Calls the service itself. Answers the message's length and what it says."""
        with grpc.insecure_channel(address) as channel:
            answer = channel.unary_unary(f"/{SERVICE}/{call.rpc}")(
                self.encode(call), metadata=[("authorization", f"Bearer {token}")], timeout=10)
        kind = message_factory.GetMessageClass(self.methods[call.rpc].output_type)
        return len(answer), json_format.MessageToDict(kind.FromString(answer), preserving_proto_field_name=True)


def check(call, gateways, service, messages, token):
    """All must answer the same before they are measured. A created sample is another each time, but for what was asked."""
    said = [mesh.ask(url + call.path, call.body, token) for url in gateways]
    call.message_size, direct = messages.ask(service, call, token)
    facts = [essence(answer, created=call.method == "POST") for answer in [*said, direct]]
    if any(fact != facts[0] for fact in facts):
        raise SystemExit(f"{call.name}: the answers differ: {facts}")
    if call.rpc == "ListSamples" and len(facts[0]) != 100:
        raise SystemExit(f"{call.name}: {len(facts[0])} items")


def essence(answer, created):
    """What must be alike in all answers, however they write a time or an absent field."""
    fields = list(sample(0)) + ([] if created else ["id", "revision", "organization_id"])
    return [{field: item.get(field) for field in fields} for item in answer.get("items", [answer])]
