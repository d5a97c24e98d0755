"""Writes a Llama with random float32 weights as a GGUF file (version 3), without
a vocabulary: llama.cpp then takes token ids only."""

import struct

import numpy as np

UINT32, FLOAT32, STRING = 4, 6, 8
ALIGNMENT = 32


def _text(s):
    b = s.encode()
    return struct.pack("<Q", len(b)) + b


def _field(key, kind, value):
    packed = _text(value) if kind == STRING else struct.pack("<I" if kind == UINT32 else "<f", value)
    return _text(key) + struct.pack("<I", kind) + packed


def write_gguf(path, layers, hidden, heads, ffn, vocab, theta):
    fields = [
        _field("general.architecture", STRING, "llama"),
        _field("llama.block_count", UINT32, layers),
        _field("llama.context_length", UINT32, 1024),
        _field("llama.embedding_length", UINT32, hidden),
        _field("llama.feed_forward_length", UINT32, ffn),
        _field("llama.attention.head_count", UINT32, heads),
        _field("llama.attention.head_count_kv", UINT32, heads),
        _field("llama.rope.dimension_count", UINT32, hidden // heads),
        _field("llama.rope.freq_base", FLOAT32, theta),
        _field("llama.attention.layer_norm_rms_epsilon", FLOAT32, 1e-5),
        _field("llama.vocab_size", UINT32, vocab),
        _field("tokenizer.ggml.model", STRING, "no_vocab"),
    ]
    tensors = [("token_embd.weight", (vocab, hidden)), ("output_norm.weight", (hidden,))]
    for i in range(layers):
        tensors += [(f"blk.{i}.{name}.weight", shape) for name, shape in (
            ("attn_norm", (hidden,)), ("attn_q", (hidden, hidden)), ("attn_k", (hidden, hidden)), ("attn_v", (hidden, hidden)),
            ("attn_output", (hidden, hidden)), ("ffn_norm", (hidden,)), ("ffn_gate", (ffn, hidden)), ("ffn_up", (ffn, hidden)),
            ("ffn_down", (hidden, ffn)))]
    rng = np.random.default_rng(7)
    head, body, offset = b"", [], 0
    for name, shape in tensors:
        values = np.ones(shape, np.float32) if len(shape) == 1 else rng.normal(0, 0.02, shape).astype(np.float32)
        data = values.tobytes()
        data += bytes(-len(data) % ALIGNMENT)
        # Dimensions are written from the innermost; type 0 is float32.
        head += _text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *reversed(shape)) + struct.pack("<IQ", 0, offset)
        body.append(data)
        offset += len(data)
    with open(path, "wb") as f:
        start = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(fields)) + b"".join(fields) + head
        f.write(start + bytes(-len(start) % ALIGNMENT))
        f.writelines(body)
