"""Writes <kind>.v<version>.msgpack: messages as a sender of that version makes them.

An independent description of the wire, by hand and without a msgpack library.
A file once released is never written again: add the next version beside it.
Run here:  python3 golden.py
"""
import pathlib
import struct


class Floats(list):
    """Packed little-endian float32."""


class Ints(list):
    """Packed little-endian int32."""


class Longs(list):
    """Packed little-endian int64."""


class F32(float):
    """A float of 4 bytes; others have 8."""


def sized(n, codes):
    for code, form, limit in codes:
        if n < limit:
            return bytes([code]) + struct.pack(form, n)


def pack(v):
    if isinstance(v, Floats):
        return pack(struct.pack(f"<{len(v)}f", *v))
    if isinstance(v, Ints):
        return pack(struct.pack(f"<{len(v)}i", *v))
    if isinstance(v, Longs):
        return pack(struct.pack(f"<{len(v)}q", *v))
    if isinstance(v, dict):
        return bytes([0x80 | len(v)]) + b"".join(pack(k) + pack(x) for k, x in v.items())
    if isinstance(v, list):
        return bytes([0x90 | len(v)]) + b"".join(map(pack, v))
    if isinstance(v, str):
        b = v.encode()
        return (bytes([0xA0 | len(b)]) if len(b) < 32 else sized(len(b), [(0xD9, ">B", 1 << 8), (0xDA, ">H", 1 << 16)])) + b
    if isinstance(v, bytes):
        return sized(len(v), [(0xC4, ">B", 1 << 8), (0xC5, ">H", 1 << 16)]) + v
    if isinstance(v, F32):
        return b"\xca" + struct.pack(">f", v)
    if isinstance(v, float):
        return b"\xcb" + struct.pack(">d", v)
    if 0 <= v < 128:
        return bytes([v])
    return b"\xd3" + struct.pack(">q", v)


def write(kind, version, body):
    body = body | {"zz": [1, {"later": "key"}]}  # a key of a later release
    envelope = {"k": kind, "v": version, "i": "id-1", "s": "node-a", "t": 1767225600000000001, "b": pack(body), "zz": 7}
    pathlib.Path(f"{kind}.v{version}.msgpack").write_bytes(pack(envelope))


header = {"id": "rl/3/5", "st": "rl", "sp": 3, "sl": 5, "pu": "train", "re": "learner-0", "rc": "0f1e"}
problem = {"i": "toy/train/17", "q": "What is 2+3?", "a": "5", "l": 1, "s": "toy"}
group = {
    "i": "rl/3/5",
    "p": problem,
    "r": Ints([1, 2, 300]),
    "t": [
        {"n": 1, "c": Ints([7, -1]), "l": Floats([-0.5, -2.25]), "v": Longs([2, 3]), "f": "stop", "x": "\\boxed{5}"},
        {"n": 2, "c": Ints([70000]), "l": Floats([-0.125]), "v": Longs([3]), "f": "length", "x": "um"},
    ],
}

write("group.requested", 1, header | {"pb": problem, "pr": Ints([1, 2, 300]), "n": 16, "mt": 512, "te": F32(0.5), "ve": 2, "so": ["User:"]})
write("group.completed", 1, header | {"gr": group, "no": "node-b", "se": 1.5})
write("group.cancelled", 1, header | {"no": "node-b", "rs": "weights are gone"})
write("group.verified", 1, header | {"gr": group, "no": "node-b", "se": 1.5, "vs": [
    {"v": 1, "x": "5", "r": "equal"}, {"v": 2, "x": "", "r": "no box"}]})
write("weights.requested", 1, {"st": "rl", "ve": 3})
write("policy.published", 1, {"st": "rl", "ve": 3, "sp": 4, "di": "abc", "ob": "rl-3", "by": 5000000000})
write("metrics.reported", 1, {"ru": "toy1", "st": "rl", "ki": "train", "sp": 3, "ns": 40, "ti": 1767225600000000002,
                              "va": {"reward": 0.25, "loss": -1.5}})
write("sample.reported", 1, {"st": "rl", "sp": 3, "qu": "2+3?", "co": "\\boxed{5}", "an": "5", "vd": "right", "rw": F32(1)})
write("stage.reported", 1, {"st": "stable", "ki": "pretrain", "sa": "started", "sp": 3, "ns": 40})
write("node.announced", 1, {"no": "node-b", "ho": "gpu7", "pi": 4321, "ro": 2, "vf": 1})
write("run.announced", 1, {"ru": "toy1", "rc": b"seed: 1\n", "to": "tokenizer.json"})
write("run.finished", 1, {"ru": "toy1"})
write("verifier.failed", 1, {"st": "rl", "sp": 3, "fa": 2, "ju": 16, "rs": "context deadline exceeded"})
