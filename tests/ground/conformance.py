"""Sends messages drawn at random through the gateway, as Python's protobuf writes them, and reads what comes back.

What is told by the contract to differ from proto3 JSON is put back before reading: null is unset, and enums and the
paths of a field mask have the names of the proto.
"""

import difflib
import http.client
import json
import random
import string
import sys
from urllib.parse import urlsplit

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, json_format, message_factory, text_format
from google.protobuf.descriptor import FieldDescriptor as Field

MESSAGES = 150
SEED = 20261127


def main(contract, url):
    files = descriptor_pb2.FileDescriptorSet.FromString(open(contract, "rb").read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    every = message_factory.GetMessageClass(pool.FindMessageTypeByName("every.v1.Every"))
    draw, gateway = Draw(pool), http.client.HTTPConnection(urlsplit(url).netloc)
    for number in range(MESSAGES):
        message = draw.message(every.DESCRIPTOR, 4)
        sent = json_format.MessageToJson(
            message,
            preserving_proto_field_name=number % 2 == 0,
            use_integers_for_enums=number % 3 == 0,
            always_print_fields_with_no_presence=number % 5 == 0,
            ensure_ascii=number % 7 == 0,
            descriptor_pool=pool,
        )
        gateway.request("POST", "/ground/kinds", sent.encode(), {"Content-Type": "application/json"})
        answer = gateway.getresponse()
        told = answer.read()
        if answer.status != 200:
            sys.exit(f"message {number}, {sent}: {answer.status} {told.decode()}")
        standard = Standard(pool).message(json.loads(told), every.DESCRIPTOR)
        read = json_format.ParseDict(standard, every(), descriptor_pool=pool)
        if read.SerializeToString(deterministic=True) != message.SerializeToString(deterministic=True):
            sys.exit(f"message {number} came back as another:\n{difference(message, read)}")
    print(f"{MESSAGES} messages came back as they were")


def difference(one, other):
    texts = (text_format.MessageToString(message).splitlines() for message in (one, other))
    return "\n".join(difflib.unified_diff(*texts, lineterm="", n=2))


class Standard:
    """The gateway's JSON as proto3 has it."""

    def __init__(self, pool):
        self.pool = pool

    def message(self, value, descriptor):
        name = descriptor.full_name
        if name == "google.protobuf.FieldMask":
            return ",".join(json_camel(path) for path in value.split(",")) if value else value
        if name == "google.protobuf.Any":
            return self.any(value)
        if name.startswith("google.protobuf."):
            return value
        fields = descriptor.fields_by_name
        return {name: self.field(told, fields[name]) for name, told in value.items() if told is not None}

    def any(self, value):
        if not value:
            return value
        inner = self.pool.FindMessageTypeByName(value["@type"].split("/")[-1])
        if inner.full_name.startswith("google.protobuf."):
            return {name: self.message(told, inner) if name == "value" else told for name, told in value.items()}
        members = {name: told for name, told in value.items() if name != "@type"}
        return {"@type": value["@type"], **self.message(members, inner)}

    def field(self, value, field):
        if is_map(field):
            kind = field.message_type.fields_by_name["value"]
            return {key: self.single(told, kind) for key, told in value.items()}
        if field.is_repeated:
            return [self.single(told, field) for told in value]
        return self.single(value, field)

    def single(self, value, field):
        if field.type == Field.TYPE_MESSAGE:
            return self.message(value, field.message_type)
        if field.type == Field.TYPE_ENUM and isinstance(value, str):
            named = {short_name(field.enum_type.name, known.name): known.name for known in field.enum_type.values}
            return named[value]
        if field.type == Field.TYPE_ENUM and value is None and field.enum_type.name != "NullValue":
            return 0
        return value


class Draw:
    """Messages at random, of what their JSON can tell apart."""

    def __init__(self, pool):
        self.pool, self.random = pool, random.Random(SEED)

    def message(self, descriptor, depth):
        message = message_factory.GetMessageClass(descriptor)()
        chosen = {oneof.name: self.random.choice(oneof.fields).name for oneof in descriptor.oneofs}
        for field in descriptor.fields:
            oneof = field.containing_oneof
            if (oneof and chosen[oneof.name] != field.name) or self.random.random() < 0.4:
                continue
            if field.type == Field.TYPE_MESSAGE and depth == 0 or is_null(field):
                continue
            self.fill(message, field, depth)
        return message

    def fill(self, message, field, depth):
        if is_map(field):
            key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
            if is_null(value) or (value.type == Field.TYPE_MESSAGE and depth == 0):
                return
            target = getattr(message, field.name)
            for _ in range(self.random.randint(0, 3)):
                if value.type == Field.TYPE_MESSAGE:
                    target[self.scalar(key)].CopyFrom(self.known(value.message_type, depth - 1))
                else:
                    target[self.scalar(key)] = self.scalar(value)
        elif field.is_repeated:
            for _ in range(self.random.randint(0, 3)):
                if field.type == Field.TYPE_MESSAGE:
                    getattr(message, field.name).append(self.known(field.message_type, depth - 1))
                else:
                    getattr(message, field.name).append(self.scalar(field))
        elif field.type == Field.TYPE_MESSAGE:
            getattr(message, field.name).CopyFrom(self.known(field.message_type, depth - 1))
        else:
            setattr(message, field.name, self.scalar(field))

    def known(self, descriptor, depth):
        name = descriptor.full_name
        if not name.startswith("google.protobuf."):
            return self.message(descriptor, depth)
        message, pick = message_factory.GetMessageClass(descriptor)(), self.random
        if name == "google.protobuf.Timestamp":
            message.seconds = pick.choice([-62135596800, 253402300799, 0, pick.randint(-62135596800, 253402300799)])
            message.nanos = pick.choice([0, 1, 999999999, 120000000, 5000])
        elif name == "google.protobuf.Duration":
            sign = pick.choice([-1, 1])
            message.seconds, message.nanos = sign * pick.randint(0, 315576000000), sign * pick.choice([0, 1, 999999999, 120000000])
        elif name == "google.protobuf.FieldMask":
            message.paths.extend(pick.sample(["a", "b_c", "d.e_f", "g_h.i"], pick.randint(0, 3)))
        elif name == "google.protobuf.Any":
            inner = pick.choice(["every.v1.Scalars", "every.v1.Choices", "google.protobuf.Duration", "google.protobuf.StringValue"])
            packed = any_pb2.Any()
            packed.Pack(self.known(self.pool.FindMessageTypeByName(inner), 0))
            message.MergeFromString(packed.SerializeToString())
        elif name == "google.protobuf.Struct":
            json_format.ParseDict({self.text(): self.free(2) for _ in range(pick.randint(0, 3))}, message)
        elif name == "google.protobuf.ListValue":
            json_format.ParseDict([self.free(2) for _ in range(pick.randint(0, 3))], message)
        elif name == "google.protobuf.Value":
            json_format.ParseDict(pick.choice([self.text(), True, 1.5, [None, self.free(1)], {"k": None}]), message)
        elif "value" in descriptor.fields_by_name:
            message.value = self.scalar(descriptor.fields_by_name["value"])
        return message

    def free(self, depth):
        pick = self.random.randint(0, 5 if depth else 3)
        if pick == 4:
            return [self.free(depth - 1) for _ in range(2)]
        if pick == 5:
            return {self.text(): self.free(depth - 1)}
        return [None, True, self.text(), self.number()][pick]

    def scalar(self, field):
        pick, kind = self.random, field.type
        if kind == Field.TYPE_BOOL:
            return pick.random() < 0.5
        if kind == Field.TYPE_STRING:
            return self.text()
        if kind == Field.TYPE_BYTES:
            return pick.randbytes(pick.randint(0, 5))
        if kind == Field.TYPE_ENUM:
            # What is unspecified is null, and so unset.
            named = [known.number for known in field.enum_type.values if not known.name.endswith("_UNSPECIFIED")]
            return pick.choice(named + [77, -5])
        if kind == Field.TYPE_DOUBLE:
            # A service in Rust does not tell -0 from 0 in a field that is always present.
            return pick.choice([0.0, float("inf"), float("nan"), 5e-324, 1.7976931348623157e308, self.number()])
        if kind == Field.TYPE_FLOAT:
            return pick.choice([0.0, 1.5, float("-inf"), 1e-45, 3.4028234663852886e38, pick.uniform(-1e9, 1e9)])
        bits = 64 if "64" in KINDS[kind] else 32
        if KINDS[kind].startswith(("UINT", "FIXED")):
            return pick.choice([0, 1, 2**bits - 1, pick.getrandbits(bits)])
        return pick.choice([0, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1)), pick.getrandbits(bits - 1)])

    def number(self):
        return self.random.choice([0, 1, -7, 0.1, 1e21, 1e-7, self.random.gauss(0, 1e6)])

    def text(self):
        letters = string.ascii_letters + "\"\\/\b\f\n\r\t\u0000\u001f\u007f\u00e4\u2028\ufeff\U0001f600<>&'"
        return "".join(self.random.choice(letters) for _ in range(self.random.randint(0, 8)))


KINDS = {value: name[5:] for name, value in vars(Field).items() if name.startswith("TYPE_")}


def is_map(field):
    return field.type == Field.TYPE_MESSAGE and field.message_type.GetOptions().map_entry


def is_null(field):
    return field.type == Field.TYPE_ENUM and field.enum_type.name == "NullValue"


def short_name(enum, value):
    prefix = "".join("_" + letter if letter.isupper() and index else letter for index, letter in enumerate(enum)).upper() + "_"
    return value.removeprefix(prefix).lower()


def json_camel(path):
    return ".".join("".join(word.capitalize() if index else word for index, word in enumerate(name.split("_"))) for name in path.split("."))


if __name__ == "__main__":
    main(*sys.argv[1:])
