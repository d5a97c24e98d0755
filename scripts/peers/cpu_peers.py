"""One peer of compare_cpu.py: it says what it is, then for each line on standard
input, a number of repetitions, does its work and writes rates as JSON: tokens/s
or GFLOP/s, by "peer|what octorl bench cpu calls it".

The work is that of octorl bench cpu: the same shapes, and a Llama of the shape
tiny-10m with random weights in float32.
"""

import argparse
import json
import statistics
import sys
import time

LAYERS, HIDDEN, HEADS, FFN, VOCAB, THETA = 6, 320, 5, 864, 4096, 500000.0
SEQUENCES, SEQUENCE = 8, 512
BATCH, PROMPT, COMPLETION = 64, 64, 64


def median_rate(work, run, reps):
    """The median of work/seconds, after one run that does not count."""
    run()
    times = []
    for _ in range(reps):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return work / statistics.median(times)


def products():
    """(name, rows, out, in, kind) of the products that octorl bench cpu has."""
    rows = SEQUENCES * SEQUENCE
    for n in (256, 512, 768, 1024):
        yield f"sgemm {n}×{n}×{n} forward", n, n, n, "forward"
    shapes = ((HIDDEN, 3 * HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, 2 * FFN), (FFN, HIDDEN), (HIDDEN, VOCAB))
    for n_in, n_out in shapes:
        for kind in ("forward", "by input", "by weight"):
            yield f"sgemm {rows}×{n_out}×{n_in} {kind}", rows, n_out, n_in, kind


def openblas(args):
    """NumPy's OpenBLAS. The gradient of a weight is not added to, which is less work than octorl does."""
    import ctypes
    import glob
    import os

    import numpy as np

    core = "an unknown core"
    for path in glob.glob(os.path.join(os.path.dirname(np.__file__), "..", "numpy.libs", "*openblas*")):
        name = getattr(ctypes.CDLL(path), "scipy_openblas_get_corename64_", None)
        if name:
            name.restype = ctypes.c_char_p
            core = name().decode()
    if "openblas" not in json.dumps(np.show_config(mode="dicts")["Build Dependencies"]["blas"]).lower():
        raise ImportError("numpy was built without OpenBLAS; the package of PyPI has it")
    rng = np.random.default_rng(7)

    def turn(reps):
        rates = {}
        for name, rows, out, n_in, kind in products():
            x = rng.standard_normal((rows, n_in), dtype=np.float32)
            w = rng.standard_normal((out, n_in), dtype=np.float32)
            y = rng.standard_normal((rows, out), dtype=np.float32)
            run = {
                "forward": lambda: np.matmul(x, w.T, out=y),
                "by input": lambda: np.matmul(y, w, out=x),
                "by weight": lambda: np.matmul(y.T, x, out=w),
            }[kind]
            rates["openblas|" + name] = median_rate(2 * rows * out * n_in / 1e9, run, reps)
        return rates

    return f"numpy {np.__version__}, OpenBLAS for {core}", turn


def lean_model(torch):
    """A Llama with joined projections, which is what is fastest in PyTorch."""
    nn, F = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv = nn.Linear(HIDDEN, 3 * HIDDEN, bias=False)
            self.out = nn.Linear(HIDDEN, HIDDEN, bias=False)
            self.gate_up = nn.Linear(HIDDEN, 2 * FFN, bias=False)
            self.down = nn.Linear(FFN, HIDDEN, bias=False)
            self.norm1 = nn.Parameter(torch.ones(HIDDEN))
            self.norm2 = nn.Parameter(torch.ones(HIDDEN))

        def forward(self, x, cos, sin):
            b, t, _ = x.shape
            q, k, v = self.qkv(F.rms_norm(x, (HIDDEN,), self.norm1, 1e-5)).view(b, t, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
            q, k = turned(torch, q, cos, sin), turned(torch, k, cos, sin)
            o = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(o.transpose(1, 2).reshape(b, t, HIDDEN))
            gate, up = self.gate_up(F.rms_norm(x, (HIDDEN,), self.norm2, 1e-5)).chunk(2, -1)
            return x + self.down(F.silu(gate) * up)

    class Lean(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(VOCAB, HIDDEN)
            nn.init.normal_(self.embedding.weight, std=0.02)
            self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
            self.norm = nn.Parameter(torch.ones(HIDDEN))
            half = HIDDEN // HEADS // 2
            angles = torch.outer(torch.arange(SEQUENCE).float(), THETA ** (-torch.arange(half).float() / half))
            self.register_buffer("cos", angles.cos())
            self.register_buffer("sin", angles.sin())

        def forward(self, ids, targets):
            x = self.embedding(ids)
            for block in self.blocks:
                x = block(x, self.cos, self.sin)
            logits = F.rms_norm(x, (HIDDEN,), self.norm, 1e-5) @ self.embedding.weight.T
            return F.cross_entropy(logits.view(-1, VOCAB), targets.reshape(-1))

    return Lean()


def turned(torch, x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


def training(args):
    """Whole steps of PyTorch, eager and compiled: forward, backward, clipping and fused AdamW."""
    import torch

    torch.set_num_threads(args.threads)
    torch.manual_seed(7)
    data = torch.randint(0, VOCAB, (SEQUENCES, SEQUENCE + 1))
    steps = {}
    for name in ("eager", "compiled"):
        model = lean_model(torch)
        call = model if name == "eager" else torch.compile(model)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)

        def step(model=model, call=call, optimizer=optimizer):
            call(data[:, :-1], data[:, 1:]).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        step()
        steps[name] = step

    def turn(reps):
        return {f"{name}|training step, tiny-10m": median_rate(SEQUENCES * SEQUENCE, step, reps) for name, step in steps.items()}

    return f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}", turn


def decoding(args):
    """transformers' generate with its cache, from prompts to completions at temperature 1."""
    import torch
    import transformers

    torch.set_num_threads(args.threads)
    torch.manual_seed(7)
    config = transformers.LlamaConfig(
        vocab_size=VOCAB, hidden_size=HIDDEN, intermediate_size=FFN, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=HEADS, max_position_embeddings=1024, tie_word_embeddings=True, attn_implementation="sdpa")
    model = transformers.LlamaForCausalLM(config).float().eval()
    ids = torch.randint(0, VOCAB, (BATCH, PROMPT))

    @torch.inference_mode()
    def run():
        model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
                       max_new_tokens=COMPLETION, min_new_tokens=COMPLETION, pad_token_id=0, eos_token_id=None)

    def turn(reps):
        return {f"transformers|decode tiny-10m, batch {BATCH}": median_rate(BATCH * COMPLETION, run, reps)}

    return f"transformers {transformers.__version__}, torch {torch.__version__}", turn


def single(args):
    """llama.cpp with float32 weights, one sequence from its prompt to its completion at temperature 1."""
    import ctypes

    import llama_cpp as lc
    import numpy as np

    from tiny_gguf import write_gguf

    path = args.work + "/tiny-10m.gguf"
    write_gguf(path, LAYERS, HIDDEN, HEADS, FFN, VOCAB, THETA)
    quiet = lc.llama_log_callback(lambda level, text, data: None)
    lc.llama_log_set(quiet, ctypes.c_void_p(0))
    lc.llama_backend_init()
    model = lc.llama_model_load_from_file(path.encode(), lc.llama_model_default_params())
    params = lc.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch = 256, 256, 256
    params.n_threads = params.n_threads_batch = args.threads
    params.type_k = params.type_v = 0  # float32, as the weights
    params.no_perf = True
    sampler = lc.llama_sampler_chain_init(lc.llama_sampler_chain_default_params())
    lc.llama_sampler_chain_add(sampler, lc.llama_sampler_init_temp(1.0))
    lc.llama_sampler_chain_add(sampler, lc.llama_sampler_init_dist(7))
    prompt = np.random.default_rng(7).integers(0, VOCAB, PROMPT).tolist()
    context = lc.llama_init_from_model(model, params)

    def run():
        lc.llama_memory_clear(lc.llama_get_memory(context), False)
        tokens = (lc.llama_token * PROMPT)(*prompt)
        n = PROMPT
        for _ in range(COMPLETION):
            if lc.llama_decode(context, lc.llama_batch_get_one(tokens, n)) != 0:
                raise RuntimeError("llama_decode failed")
            tokens, n = (lc.llama_token * 1)(lc.llama_sampler_sample(sampler, context, -1)), 1

    def turn(reps):
        return {"llama.cpp|decode tiny-10m, batch 1": median_rate(COMPLETION, run, 4 * reps)}

    info = lc.llama_print_system_info().decode()
    features = [f.strip() for f in info.split("|") if f.strip().endswith("= 1")]
    return f"llama-cpp-python {lc.__version__}: {', '.join(features)}", turn


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("part", choices=("sgemm", "train", "decode", "single"))
    ap.add_argument("--threads", type=int, required=True)
    ap.add_argument("--work", required=True)
    args = ap.parse_args()
    begin = {"sgemm": openblas, "train": training, "decode": decoding, "single": single}[args.part]
    try:
        about, turn = begin(args)
    except ImportError as e:
        print(json.dumps({"missing": f"{e}; see the first lines of compare_cpu.sh"}), flush=True)
        return
    print(json.dumps({"about": about}), flush=True)
    for line in sys.stdin:
        print(json.dumps(turn(int(line))), flush=True)


if __name__ == "__main__":
    main()
