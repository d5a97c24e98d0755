"""Checks and times the CUDA kernels that are neither GEMM nor attention, from their cubins.

    python scripts/cuda/kernels.py FOLDER_OF_CUBINS [--peers] [section...]

Needs PyTorch and a Hopper GPU. Every result is compared with float64 on fresh random input, over poisoned outputs, twice for equal bits.
Rates are bytes that must move, each input read and each output written once, over the time of a kernel in a replayed graph; they are given as a
fraction of the rate of a device copy in the same run. With --peers the same work is timed in PyTorch (torch.compile, fused AdamW).
"""

import ctypes
import math
import os
import random
import signal
import statistics
import sys
import time
import traceback

import torch
import torch.nn.functional as F

BF16, F32, F64, I32 = torch.bfloat16, torch.float32, torch.float64, torch.int32
FOLDER = sys.argv[1]
PEERS = "--peers" in sys.argv
cuda = None


class I64(int):
    pass


class U64(int):
    pass


class Cubins:
    def __init__(self):
        global cuda
        cuda = ctypes.CDLL("libcuda.so.1")
        torch.cuda.init()
        torch.zeros(1, device="cuda")
        self.modules, self.functions = {}, {}

    def function(self, name):
        if name not in self.functions:
            file, symbol = name.split(".")
            if file not in self.modules:
                m = ctypes.c_void_p()
                with open(os.path.join(FOLDER, file + ".cubin"), "rb") as f:
                    assert cuda.cuModuleLoadData(ctypes.byref(m), f.read()) == 0, file
                self.modules[file] = m
            f = ctypes.c_void_p()
            code = cuda.cuModuleGetFunction(ctypes.byref(f), self.modules[file], symbol.encode())
            assert code == 0, (name, code)
            cuda.cuFuncSetAttribute(f, 8, 200 << 10)  # dynamic shared memory
            self.functions[name] = f
        return self.functions[name]

    def __call__(self, name, grid, threads, *args, shared=0):
        x, y = grid if isinstance(grid, tuple) else (grid, 1)
        values = []
        for a in args:
            if a is None:
                values.append(ctypes.c_uint64(0))
            elif isinstance(a, torch.Tensor):
                values.append(ctypes.c_uint64(a.data_ptr()))
            elif isinstance(a, I64):
                values.append(ctypes.c_int64(a))
            elif isinstance(a, U64):
                values.append(ctypes.c_uint64(a))
            elif isinstance(a, int):
                values.append(ctypes.c_int32(a))
            else:
                values.append(ctypes.c_float(a))
        pointers = (ctypes.c_void_p * len(values))(*[ctypes.addressof(v) for v in values])
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        code = cuda.cuLaunchKernel(self.function(name), x, y, 1, threads, 1, 1, shared, stream, pointers, None)
        assert code == 0, (name, grid, threads, code)


class Config(ctypes.Structure):
    _fields_ = [(n, ctypes.c_uint) for n in ("gx", "gy", "gz", "bx", "by", "bz", "shared")] + [("stream", ctypes.c_void_p), ("attributes", ctypes.c_void_p), ("count", ctypes.c_uint)]


def resident(name, cluster, threads, shared):
    """Clusters of a kernel that run at once."""
    n, c = ctypes.c_int(), Config(cluster, 1, 1, threads, 1, 1, shared, None, None, 0)
    assert cuda.cuOccupancyMaxActiveClusters(ctypes.byref(n), run.function(name), ctypes.byref(c)) == 0, name
    return n.value


run = None


def randn(*shape, dtype=BF16):
    return torch.randn(*shape, device="cuda", dtype=F32).to(dtype)


def poison(*shape, dtype=BF16):
    return torch.full(shape, float("nan"), device="cuda", dtype=dtype)


worst = {}


def near(what, got, want):
    """Records the relative Frobenius error of got."""
    limit = 1e-2 if got.dtype == BF16 else 1e-5
    got, want = got.to(F64), want.to(F64)
    error = ((got - want).norm() / want.norm().clamp_min(1e-30)).item()
    error = math.inf if math.isnan(error) else error
    if want.norm() == 0:
        error = got.norm().item()
    was = worst.get(what, (0, limit))
    worst[what] = (max(was[0], error), limit)


def twice(what, f):
    """Runs f, which returns what it wrote, twice, and records whether bits differ."""
    a, b = [t.clone() for t in f()], [t.clone() for t in f()]
    for x, y in zip(a, b):
        if not torch.equal(x.view(torch.uint8), y.view(torch.uint8)):
            worst[what + " TWO RUNS DIFFER"] = (math.inf, 0)
    return a


def report():
    for what, (error, limit) in sorted(worst.items()):
        print(f"  {'ok ' if error < limit else 'BAD'} {what:24s} {error:.2e}")
    worst.clear()


def timed(calls, repeat=9, inner=3):
    """Median seconds of one of calls, which are captured in order, several times over, in one graph."""
    for c in calls:
        c()
    torch.cuda.synchronize()
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        for _ in range(inner):
            for c in calls:
                c()
    g.replay()
    times = []
    for _ in range(repeat):
        a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        a.record()
        g.replay()
        b.record()
        b.synchronize()
        times.append(a.elapsed_time(b) / 1e3 / (inner * len(calls)))
    return statistics.median(times)


copy_rate = None


def copy_bandwidth():
    """The best of a copy by the driver and by a kernel, of 1 GiB and of 256 MiB."""
    global copy_rate
    rates = {}
    for n in (1 << 28, 1 << 26):
        pairs = [(torch.empty(n, device="cuda"), torch.randn(n, device="cuda")) for _ in range(2)]
        rates[f"memcpy {n >> 18} MiB"] = 8 * n / timed([lambda d=d, s=s: d.copy_(s) for d, s in pairs])
        rates[f"kernel {n >> 18} MiB"] = 8 * n / timed([lambda d=d, s=s: torch.mul(s, 2, out=d) for d, s in pairs])
    copy_rate = max(rates.values())
    print("  copy, TB/s: " + ", ".join(f"{k} {v / 1e12:.2f}" for k, v in rates.items()))


def rate(what, size, calls):
    t = timed(calls)
    print(f"  {what:44s} {t * 1e6:9.1f} us {size / t / 1e12:6.2f} TB/s {size / t / copy_rate:5.2f} of copy")
    return t


def norm_plan(width, choices):
    """(packs a thread, threads a row) as normPlan of the Go package has it."""
    vectors = (width + 7) // 8
    best = None
    for packs in choices:
        warps = (vectors + 32 * packs - 1) // (32 * packs)
        if warps * 32 > (1024 if packs == 1 else 512):
            continue
        waste = warps * 32 * packs - vectors
        if best is None or waste < best[0]:
            best = (waste, packs, warps * 32)
    return best[1:]


def add_norm(s, out, rstd, x, y, gain, eps, packs=None, lanes=None):
    n, c = x.shape
    if packs is None:
        packs, lanes = norm_plan(c, (4, 3, 2, 1))
    groups = 4 if lanes == 32 else 1
    odd = "" if c % 8 == 0 and x.data_ptr() % 16 == 0 else "_odd"
    run(f"norm.add_norm_bf16_{packs}{odd}", (n + groups - 1) // groups, lanes * groups, s, out, rstd, x, y, gain, n, c, lanes, eps)


def add_norm_grad(dx, dgain, dout, s, gain, rstd, partials, packs=None, lanes=None, warps=None):
    n, c = dx.shape
    if packs is None:
        packs, lanes = norm_plan(c, (2, 1, 4))
    warps = warps or (32 if packs == 1 else 16)
    groups = 4 if lanes == 32 else 1
    odd = "" if c % 8 == 0 and dx.data_ptr() % 16 == 0 else "_odd"
    blocks = min(132 * max(1, warps * 32 // (lanes * groups)), (n + groups - 1) // groups)
    run(f"norm.add_norm_grad_bf16_{packs}{odd}", blocks, lanes * groups, dx, partials, dout, s, gain, rstd, n, c, lanes)
    run("norm.add_columns", (c + 31) // 32, 512, dgain, partials, min(blocks * groups, n), c)


def norms():
    for seed in range(100):
        torch.manual_seed(seed)
        random.seed(seed)
        c = random.choice([1, 8, 19, 33, 64, 100, 320, 768, 896, 1000, 2048, 3072, 4104, 8192])
        n = random.randint(1, 300 if seed % 10 else 5000)
        eps = 1e-5
        x, y, gain = randn(n, c), randn(n, c), randn(c)
        s, out, rstd = poison(n, c), poison(n, c), poison(n, dtype=F32)

        def forward():
            add_norm(s, out, rstd, x, y, gain, eps)
            return s, out, rstd
        twice("AddNorm", forward)
        near("AddNorm sum", s, x.to(F64) + y.to(F64))
        sd = s.to(F64)
        r = 1 / torch.sqrt((sd * sd).mean(1) + eps)
        near("AddNorm out", out, sd * r[:, None] * gain.to(F64))
        near("AddNorm rstd", rstd, r)
        alone = [poison(1, c), poison(1, c), poison(1, dtype=F32)]
        add_norm(*alone, x[n // 2:n // 2 + 1].clone(), y[n // 2:n // 2 + 1].clone(), gain, eps)
        if not torch.equal(alone[1][0], out[n // 2]):
            worst["AddNorm row alone DIFFERS"] = (math.inf, 0)
        dout, dx0, dg0 = randn(n, c), randn(n, c), randn(c, dtype=F32)
        partials = poison(132 * 24 * 4, c, dtype=F32)

        def backward():
            dx, dg = dx0.clone(), dg0.clone()
            add_norm_grad(dx, dg, dout, s, gain, rstd, partials)
            return dx, dg
        dx, dg = twice("AddNormGrad", backward)
        g = dout.to(F64) * gain.to(F64)
        near("AddNormGrad dx", dx, dx0.to(F64) + r[:, None] * (g - sd * (r * r)[:, None] * (g * sd).mean(1, keepdim=True)))
        near("AddNormGrad dGain", dg, dg0.to(F64) + (dout.to(F64) * sd * r[:, None]).sum(0))
    report()
    copy_bandwidth()
    for n, c in [(32768, 2048), (16384, 3072), (65536, 768), (16384, 4096), (65536, 320), (32768, 896)]:
        size = n * c * 2
        sets = [(poison(n, c), poison(n, c), poison(n, dtype=F32), randn(n, c), randn(n, c)) for _ in range(2)]
        gain, dg = randn(c), torch.zeros(c, device="cuda")
        rate(f"AddNorm {n}x{c}", 4 * size, [lambda a=a: add_norm(*a, gain, 1e-5) for a in sets])
        partials = poison(132 * 32 * 4, c, dtype=F32)
        for packs, lanes in ((None, None), ((1, (c // 8 + 31) // 32 * 32))):
            rate(f"AddNormGrad {n}x{c} packs {packs}", 4 * size,
                 [lambda a=a: add_norm_grad(a[3], dg, a[4], a[0], gain, a[2], partials, packs, lanes) for a in sets])
        if PEERS and c in (2048, 3072):
            norm_peers(n, c, size)


def norm_peers(n, c, size):
    x, y = randn(n, c).requires_grad_(), randn(n, c).requires_grad_()
    gain = torch.ones(c, device="cuda", dtype=BF16, requires_grad=True)

    @torch.compile
    def f(x, y):
        s = x + y
        return s, F.rms_norm(s, (c,), gain, 1e-5)
    d1, d2 = randn(n, c), randn(n, c)
    with torch.no_grad():
        rate(f"torch.compile add+rms_norm {n}x{c}", 4 * size, [lambda: f(x, y)])
    both = timed_step(lambda: torch.autograd.backward(f(x, y), (d1, d2)), [x, y, gain])
    fwd = timed_step(lambda: f(x, y), [])
    print(f"  torch.compile backward, by difference{'':8s} {(both - fwd) * 1e6:9.1f} us {4 * size / (both - fwd) / 1e12:6.2f} TB/s")


def timed_step(f, leaves):
    def step():
        for v in leaves:
            v.grad = None
        f()
    for _ in range(3):
        step()
    times = []
    for _ in range(10):
        a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        a.record()
        step()
        b.record()
        b.synchronize()
        times.append(a.elapsed_time(b) / 1e3)
    return statistics.median(times)


def swiglu(out, gu):
    n, f2 = gu.shape
    f = f2 // 2
    odd = "" if f % 8 == 0 else "_odd"
    run(f"swiglu.swiglu_bf16{odd}", (n * ((f + 7) // 8) + 511) // 512, 256, out, gu, n, f)


def swiglu_grad(dgu, dout, gu):
    n, f2 = gu.shape
    f = f2 // 2
    odd = "" if f % 8 == 0 else "_odd"
    run(f"swiglu.swiglu_grad_bf16{odd}", (n * ((f + 7) // 8) + 511) // 512, 256, dgu, None, dout, gu, n, f)


def rope(qkv, heads, width, positions, freq, sign, total):
    n, half = qkv.shape[0], width // 2
    odd = "" if half % 8 == 0 and total * width % 8 == 0 else "_odd"
    run(f"rope.rope_bf16{odd}", (n + 7) // 8, 256, qkv, positions, freq, n, total * width, heads, half, sign, shared=8 * half * 8)


def lanes_of(width):
    lanes = 1
    while lanes * 8 < width:
        lanes *= 2
    return lanes


def head_norm(out, rstd, qkv, gain, q, k, d, eps):
    odd = "" if d % 8 == 0 else "_odd"
    lanes, n = lanes_of(d), qkv.shape[0]
    items = n * (q + 2 * k)
    run(f"headnorm.head_norm_bf16{odd}", (items * lanes + 1023) // 1024, 256, out, rstd, qkv, gain, n, q, k, d, lanes, eps)


def head_norm_grad(dqkv, dgain, partials, rstd, qkv, gain, q, k, d, blocks=132 * 3):
    odd = "" if d % 8 == 0 else "_odd"
    lanes, n = lanes_of(d), qkv.shape[0]
    items = n * (q + k)
    blocks = min(blocks, items * lanes // 256 + 1)
    run(f"headnorm.head_norm_grad_bf16{odd}", blocks, 256, dqkv, partials, rstd, qkv, gain, n, q, k, d, lanes)
    run("norm.add_columns", (2 * d + 31) // 32, 512, dgain, partials, blocks, 2 * d)


def elementwise():
    for seed in range(100):
        torch.manual_seed(seed)
        random.seed(seed)
        n, f = random.randint(1, 200), random.choice([1, 8, 29, 80, 864, 1001, 2048])
        gu, dout, out, dgu = randn(n, 2 * f) * 3, randn(n, f), poison(n, f), poison(n, 2 * f)
        twice("SwiGLU", lambda: (swiglu(out, gu), out)[1:])
        twice("SwiGLUGrad", lambda: (swiglu_grad(dgu, dout, gu), dgu)[1:])
        g, u, d = gu.to(F64)[:, :f], gu.to(F64)[:, f:], dout.to(F64)
        s = torch.sigmoid(g)
        near("SwiGLU", out, g * s * u)
        near("SwiGLUGrad gate", dgu[:, :f], d * u * s * (1 + g * (1 - s)))
        near("SwiGLUGrad up", dgu[:, f:], d * g * s)

        q, k, w = random.choice([(4, 2, 32), (3, 3, 6), (2, 1, 16), (32, 8, 64), (16, 8, 128), (2, 1, 256), (5, 5, 64), (4, 1, 48), (2, 2, 80)])
        total = q + 2 * k
        qkv = randn(n, total * w)
        positions = torch.randint(0, 40000, (n,), device="cuda", dtype=I32)
        freq = (500000.0 ** (-torch.arange(0, w // 2, device="cuda", dtype=F64) * 2 / w)).to(F32)
        turned = qkv.clone()
        rope(turned, q + k, w, positions, freq, 1.0, total)
        x = qkv.to(F64).view(n, total, w)
        a = positions.to(F64)[:, None] * freq.to(F64)
        cos, sin = a.cos()[:, None], a.sin()[:, None]
        lo, hi = x[:, :q + k, :w // 2], x[:, :q + k, w // 2:]
        want = x.clone()
        want[:, :q + k] = torch.cat((lo * cos - hi * sin, hi * cos + lo * sin), -1)
        near("Rope", turned, want.view(n, -1))
        rope(turned, q + k, w, positions, freq, -1.0, total)
        near("Rope and back", turned, qkv)

        gain, eps = randn(2, w), 1e-6
        out, rstd = poison(n, total * w), poison(n, q + k, dtype=F32)
        twice("HeadNorm", lambda: (head_norm(out, rstd, qkv, gain, q, k, w, eps), out, rstd)[1:])
        gains = torch.cat((gain[:1].expand(q, w), gain[1:].expand(k, w))).to(F64)
        h = x[:, :q + k].clone().requires_grad_()
        gg = gains.clone().requires_grad_()
        r = 1 / torch.sqrt((h * h).mean(-1, keepdim=True) + eps)
        normed = h * r * gg
        want = x.clone()
        want[:, :q + k] = normed.detach()
        near("HeadNorm", out, want.view(n, -1))
        near("HeadNorm rstd", rstd, r.detach()[..., 0])
        d0, dg0, partials = randn(n, total * w), randn(2, w, dtype=F32), poison(132 * 4, 2 * w, dtype=F32)
        normed.backward(d0.to(F64).view(n, total, w)[:, :q + k])

        def backward():
            d, dg = d0.clone(), dg0.clone()
            head_norm_grad(d, dg, partials, rstd, qkv, gain, q, k, w)
            return d, dg
        d, dg = twice("HeadNormGrad", backward)
        want = d0.to(F64).view(n, total, w).clone()
        want[:, :q + k] = h.grad
        near("HeadNormGrad dqkv", d, want.view(n, -1))
        near("HeadNormGrad dGain", dg, dg0.to(F64) + torch.stack((gg.grad[:q].sum(0), gg.grad[q:].sum(0))))
        near("HeadNorm in place", (head_norm(qkv, rstd, qkv, gain, q, k, w, eps), qkv)[1], out)
    report()
    copy_bandwidth()
    for n, f in [(16384, 8192), (32768, 2048)]:
        sets = [(randn(n, 2 * f), randn(n, f), poison(n, f), poison(n, 2 * f)) for _ in range(2)]
        rate(f"SwiGLU {n}x{f}", 3 * n * f * 2, [lambda s=s: swiglu(s[2], s[0]) for s in sets])
        rate(f"SwiGLUGrad {n}x{f}", 5 * n * f * 2, [lambda s=s: swiglu_grad(s[3], s[1], s[0]) for s in sets])
        if PEERS and f == 8192:
            def act(g):
                a, b = g.chunk(2, -1)
                return F.silu(a) * b
            compiled = torch.compile(act)
            with torch.no_grad():
                rate(f"torch.compile SwiGLU {n}x{f}", 3 * n * f * 2, [lambda: compiled(sets[0][0])])
            g = sets[0][0].requires_grad_()
            both = timed_step(lambda: compiled(g).backward(sets[0][1]), [g])
            fwd = timed_step(lambda: compiled(g), [])
            print(f"  torch.compile backward, by difference{'':8s} {(both - fwd) * 1e6:9.1f} us {5 * n * f * 2 / (both - fwd) / 1e12:6.2f} TB/s")
        del sets
    for n, q, k, w in [(32768, 32, 8, 64), (32768, 16, 8, 128)]:
        total = q + 2 * k
        sets = [(randn(n, total * w), randn(n, total * w)) for _ in range(2)]
        positions = torch.arange(n, device="cuda", dtype=I32) % 4096
        freq = torch.rand(w // 2, device="cuda")
        rate(f"Rope {n}x({q}+{k})x{w}", 2 * n * (q + k) * w * 2, [lambda s=s: rope(s[0], q + k, w, positions, freq, 1.0, total) for s in sets])
        gain, rstd, dg, partials = randn(2, w), torch.ones(n, q + k, device="cuda"), torch.zeros(2, w, device="cuda"), poison(132 * 8, 2 * w, dtype=F32)
        rate(f"HeadNorm {n}x({q}+{k})x{w}", 2 * n * total * w * 2, [lambda s=s: head_norm(s[1], rstd, s[0], gain, q, k, w, 1e-6) for s in sets])
        rate(f"HeadNormGrad {n}x({q}+{k})x{w}", 3 * n * (q + k) * w * 2, [lambda s=s: head_norm_grad(s[1], dg, partials, rstd, s[0], gain, q, k, w) for s in sets])


def squared_norm(out, x, partials, blocks=132 * 16):
    run("adamw.sum_squares", min(blocks, x.numel() // 8192 + 1), 256, partials, x, I64(x.numel()))
    run("adamw.sum_partials", 1, 32, out, partials, min(blocks, x.numel() // 8192 + 1))


def adamw(w, master, g, m, v, norm, hyper, aligned, clip=0.5, b1=0.9, b2=0.95, eps=1e-6, decay=0.1):
    run("adamw.adamw_bf16", (master.numel() + 1023) // 1024, 256, w, master, g, m, v, norm, I64(0), hyper, I64(master.numel()), 0, int(aligned), clip, b1, b2, eps, decay)


def policy(coef, stats, partials, logp, behavior, reference, adv, weight, low, high, dual, kl):
    n = logp.numel()
    blocks = min(132, (n + 255) // 256)
    run("policygradient.policy_gradient", blocks, 256, coef, partials, logp, behavior, reference, adv, weight, n, low, high, dual, kl)
    run("policygradient.policy_statistics", 1, 256, stats, partials, blocks)


def policy_reference(logp, behavior, reference, adv, weight, low, high, dual, kl):
    x = logp.to(F64).clone().requires_grad_()
    behavior, adv, w = behavior.to(F64), adv.to(F64), weight.to(F64)
    r = torch.exp(x - behavior)
    clipped = r.clamp(1 - low, 1 + high)
    term = -torch.minimum(r * adv, clipped * adv)
    stop = clipped * adv < r * adv
    if dual > 0:
        most = -dual * adv
        over = (adv < 0) & (term > most)
        term = torch.where(over, most, term)
        stop = stop | over
    klr = torch.zeros_like(w)
    if reference is not None:
        d = reference.to(F64) - x
        klr = torch.exp(d) - d - 1
        term = term + kl * klr
    loss = (w * term).sum()
    loss.backward()
    live = w != 0
    r, klr = r.detach(), klr.detach()
    dev = (x.detach() - behavior)
    stats = [loss.item(), r[live].min().item(), r[live].max().item(), w[stop].sum().item(), (w * (torch.expm1(dev) - dev)).sum().item(), (w * klr).sum().item(), dev[live].abs().max().item()]
    return x.grad, torch.tensor(stats, device="cuda", dtype=F64)


def optimizer():
    for seed in range(100):
        torch.manual_seed(seed)
        random.seed(seed)
        n = random.choice([1, 15, 37, 4097, 9000, 30001, 1000003, 5000000])
        shift = random.choice([0, 0, 1, 3])
        x = randn(n + shift, dtype=F32)[shift:]
        out, partials = poison(1, dtype=F32), poison(132 * 16, dtype=F64)
        twice("SquaredNorm", lambda: (squared_norm(out, x, partials), out)[1:])
        near("SquaredNorm", out, (x.to(F64) ** 2).sum()[None])
        aligned = x.clone()
        other = poison(1, dtype=F32)
        squared_norm(other, aligned, partials)
        if not torch.equal(other, out):
            worst["SquaredNorm unaligned DIFFERS"] = (math.inf, 0)
        n = random.choice([1, 37, 9000, 100003])
        master, m, v = randn(n, dtype=F32), randn(n, dtype=F32), randn(n, dtype=F32).abs()
        g = randn(n, dtype=F32)
        w, norm = poison(n), torch.tensor([random.choice([0.04, 16.0])], device="cuda")
        hyper = torch.tensor([0.01, 1 / (1 - 0.81), 1 / (1 - 0.9025)], device="cuda")
        was = [t.to(F64) for t in (master, m, v, hyper)]
        copies = [t.clone() for t in (w, master, m, v)]
        adamw(w, master, g, m, v, norm, hyper, True)
        adamw(copies[0], copies[1], g, copies[2], copies[3], norm, hyper, False)
        for a, b in zip(copies, (w, master, m, v)):
            if not torch.equal(a, b):
                worst["AdamW unaligned DIFFERS"] = (math.inf, 0)
        clip = min(1, 0.5 / math.sqrt(norm.item()))
        gg = g.to(F64) * clip
        mm, vv = 0.9 * was[1] + 0.1 * gg, 0.95 * was[2] + 0.05 * gg * gg
        ww = was[0] - was[3][0] * (mm * was[3][1] / (torch.sqrt(vv * was[3][2]) + 1e-6) + 0.1 * was[0])
        near("AdamW Master", master, ww)
        near("AdamW M", m, mm)
        near("AdamW V", v, vv)
        if not torch.equal(w, master.to(BF16)):
            worst["AdamW Weights rounded"] = (math.inf, 0)
        before = [t.clone() for t in (w, master, m, v)]
        adamw(w, master, g, m, v, torch.tensor([random.choice([math.inf, math.nan])], device="cuda"), hyper, True)
        for a, b in zip(before, (w, master, m, v)):
            if not torch.equal(a, b):
                worst["AdamW not finite WROTE"] = (math.inf, 0)
        n = random.choice([1, 60, 300, 40000, 131072])
        logp, behavior, ref, adv = [randn(n, dtype=F32) * s for s in (0.5, 0.5, 0.5, 1)]
        weight = torch.randint(0, 4, (n,), device="cuda").to(F32) / n
        weight[0] = 1 / n
        reference = random.choice([ref, None])
        clip = (0.2, 0.3, random.choice([3.0, 0.0]), 0.05 if reference is not None else 0.0)
        coef, stats, pp = poison(n, dtype=F32), poison(7, dtype=F32), poison(132 * 7, dtype=F64)
        twice("PolicyGradient", lambda: (policy(coef, stats, pp, logp, behavior, reference, adv, weight, *clip), coef, stats)[1:])
        c64, s64 = policy_reference(logp, behavior, reference, adv, weight, *clip)
        near("PolicyGradient Coef", coef, c64)
        near("PolicyGradient Stats", stats, s64)
        policy(coef, stats, pp, logp, logp, reference, adv, weight, *clip)
        if stats[1].item() != 1 or stats[2].item() != 1 or stats[6].item() != 0:
            worst["PolicyGradient on policy"] = (math.inf, 0)
    report()
    copy_bandwidth()
    n = 1 << 30
    x, out = torch.randn(n, device="cuda"), poison(1, dtype=F32)
    for blocks in (132 * 16, 132 * 32):
        partials = poison(blocks, dtype=F64)
        rate(f"SquaredNorm 2^30 blocks {blocks}", 4 * n, [lambda: squared_norm(out, x, partials, blocks)])
    near("SquaredNorm 2^30", out, (x.view(64, -1).to(F64) ** 2).sum()[None])
    del x
    n = 1 << 28
    master, g, m, v, w = randn(n, dtype=F32), randn(n, dtype=F32), torch.zeros(n, device="cuda"), torch.zeros(n, device="cuda"), poison(n)
    norm, hyper = torch.ones(1, device="cuda"), torch.tensor([1e-3, 5.0, 10.0], device="cuda")
    rate("AdamW 2^28", 30 * n, [lambda: adamw(w, master, g, m, v, norm, hyper, True)])
    if PEERS:
        p = torch.nn.Parameter(master)
        p.grad = g
        o = torch.optim.AdamW([p], lr=1e-3, fused=True, weight_decay=0.1)
        t = timed_step(o.step, [])
        print(f"  torch fused AdamW 2^28 (28 B an element){'':5s} {t * 1e6:9.1f} us {28 * n / t / 1e12:6.2f} TB/s {28 * n / t / copy_rate:5.2f} of copy")
    for n in (32768, 131072):
        a = [randn(n, dtype=F32) for _ in range(5)]
        coef, stats, pp = poison(n, dtype=F32), poison(7, dtype=F32), poison(132 * 7, dtype=F64)
        rate(f"PolicyGradient {n}", 24 * n, [lambda: policy(coef, stats, pp, *a, 0.2, 0.3, 3.0, 0.05)])
    report()


def sort(ids, n, v, work):
    """Returns sorted ids, the rows that go with them, the ids as they came, and where it says that those ascend."""
    tiles = (n + 1023) // 1024
    first = 513 * tiles + 1
    counts, descents, ascend = work[:512 * tiles], work[512 * tiles:][:tiles], work[first - 1:first]
    pairs = [(work[first + i * n:][:n], work[first + (i + 2) * n:][:n]) for i in (0, 1)]
    came, rows, shift, at = ids, None, 0, 0
    while True:
        run("embed.sort_count", tiles, 32, counts, descents, ascend, ids, n, shift)
        run("embed.sort_scan", 1, 1024, counts, descents, ascend, tiles, shift)
        run("embed.sort_scatter", tiles, 32, *pairs[at], ascend, ids, rows, counts, n, shift)
        ids, rows = pairs[at]
        at, shift = 1 - at, shift + 9
        if (v - 1) >> shift == 0:
            return ids, rows, came, ascend


def embed_grad(table, x, ids, rows, came, ascend, v, sums=None):
    n, c = x.shape
    odd = "" if c % 8 == 0 else "_odd"
    sums = poison(2 * ((n + 255) // 256), c, dtype=F32) if sums is None else sums
    grid = (min(n, 32 * 132), (c + 1023) // 1024)
    run(f"embed.embed_grad_bf16{odd}", grid, 128, table, x, ids, rows, came, ascend, sums, n, c, v)
    run("embed.embed_grad_pieces", grid, 128, table, ids, ascend, sums, n, c, v)


def gather_grad(out, x, ids, rows, came, ascend):
    n, c = x.shape
    odd = "" if c % 8 == 0 else "_odd"
    sums = poison(2 * ((n + 255) // 256), c, dtype=F32)
    grid = (min(n, 32 * 132), (c + 1023) // 1024)
    run(f"embed.gather_grad_bf16{odd}", grid, 128, out, x, ids, rows, came, ascend, sums, n, c, out.shape[0])
    run(f"embed.gather_grad_pieces_bf16{odd}", grid, 128, out, ids, ascend, sums, n, c, out.shape[0])


def embedding():
    for seed in range(100):
        torch.manual_seed(seed)
        random.seed(seed)
        v, c = random.choice([(1, 8), (11, 19), (500, 64), (4096, 320), (151936, 40), (600, 2056), (32768, 100)])
        n = random.choice([1, 40, 257, 999, 5000, 30000])
        skew = random.choice([1, 1, 4])
        ids = (torch.rand(n, device="cuda") ** skew * v).to(I32).clamp_max(v - 1)
        ascending = n <= v and random.random() < 0.5
        if ascending:
            ids = torch.randperm(v, device="cuda")[:n].sort().values.to(I32)
        table, out, dout = randn(v, c), poison(n, c), randn(n, c)
        odd = "" if c % 8 == 0 else "_odd"
        packs = n * ((c + 7) // 8)
        run(f"embed.embed_bf16{odd}", (packs + 255) // 256, 256, out, table, ids, packs, c, v)
        if not torch.equal(out, table[ids.long()]):
            worst["Embed"] = (math.inf, 0)
        dt0, back = randn(v, c, dtype=F32), torch.zeros(v, c, device="cuda", dtype=BF16)
        work = torch.empty(513 * ((n + 1023) // 1024) + 1 + 4 * n, device="cuda", dtype=I32)

        def backward():
            dt = dt0.clone()
            order = sort(ids, n, v, work)
            embed_grad(dt, dout, *order, v)
            gather_grad(back, dout, *order)
            return dt, *order, back
        dt, s, rows, _, ascend, back = twice("EmbedGrad", backward)
        order = torch.sort(ids, stable=True)
        if (ascend.item() != 0) != (n == 1 or bool((ids[1:] > ids[:-1]).all())):
            worst["ascending ids"] = (math.inf, 0)
        if ascend.item() == 0 and (not torch.equal(rows.long(), order.indices) or not torch.equal(s, order.values)):
            worst["stable sort"] = (math.inf, 0)
        near("gather gradient", back, torch.zeros(v, c, device="cuda", dtype=F64).index_add(0, ids.long(), dout.to(F64)))
        near("EmbedGrad", dt, dt0.to(F64).index_add(0, ids.long(), dout.to(F64)))
        if ids.long().bincount().max() <= 256 and n <= 1000:  # ascending, bit for bit
            want, rowsOf, host = dt0.cpu().clone(), dout.float().cpu(), ids.tolist()
            for i, t in enumerate(host):
                want[t] += rowsOf[i]
            if not torch.equal(want, dt.cpu()):
                worst["EmbedGrad ascending"] = (math.inf, 0)
        else:  # the sum of an id does not depend on the others
            keep = (ids == ids[0]).nonzero()[:, 0]
            one, of = ids[keep].contiguous(), dout[keep].contiguous()
            alone = dt0.clone()
            embed_grad(alone, of, *sort(one, one.numel(), v, work), v)
            if not torch.equal(alone[ids[0]], dt[ids[0]]):
                worst["EmbedGrad alone DIFFERS"] = (math.inf, 0)
    report()
    copy_bandwidth()
    for n, v, c in [(32768, 128256, 2048), (131072, 32768, 768)]:
        zipf = torch.distributions.Categorical(1 / torch.arange(1, v + 1, device="cuda").float() ** 1.1)
        ids = zipf.sample((n,)).to(I32)
        most = torch.bincount(ids).max().item()
        table, out, dout, dt = randn(v, c), poison(n, c), randn(n, c), torch.zeros(v, c, device="cuda")
        packs, work = n * c // 8, torch.empty(512 * ((n + 1023) // 1024) + 4 * n, device="cuda", dtype=I32)
        rate(f"Embed {n} of {v}x{c}", 4 * n * c, [lambda: run("embed.embed_bf16", min((packs + 255) // 256, 132 * 32), 256, out, table, ids, packs, c, v)])
        rate(f"sort {n} ids", 16 * n, [lambda: sort(ids, n, v, work)])
        distinct = ids.unique().numel()

        def grad():
            embed_grad(dt, dout, *sort(ids, n, v, work), v, sums)
        sums = poison(2 * ((n + 255) // 256), c, dtype=F32)
        rate(f"EmbedGrad {n}, {distinct} ids, most {most}", 2 * n * c + 8 * distinct * c, [grad])


# (blocks, threads, quads held, quads staged), as rowShares of the Go package has them
SHARES = [(1, 128, 1, 0), (1, 128, 2, 0), (1, 128, 4, 0), (1, 128, 8, 0), (1, 256, 8, 0), (1, 512, 8, 0), (1, 1024, 8, 0), (1, 1024, 8, 8), (2, 1024, 8, 8), (2, 1024, 8, 12), (4, 1024, 8, 8)]


def head_plan(v):
    for s in SHARES:
        if v <= 4 * s[0] * s[1] * (s[2] + s[3]):
            return s


def at_once(v):
    s = head_plan(v)
    return resident("classify.classify_bf16_%d_%d_%d_%d" % s, s[0], s[1], 16 * s[1] * max(s[2:]))


def classify(dl, logp, ent, logits, targets, coef, ecoef, v, temperature):
    s, p = head_plan(v), logits.shape[0]
    run("classify.classify_bf16_%d_%d_%d_%d" % s, min(p, at_once(v)) * s[0], s[1], dl, logp, ent, logits, targets, coef, ecoef, p, v, logits.shape[1], temperature,
        shared=16 * s[1] * max(s[2:]))


def sample(tokens, logp, ent, logits, rows, temperatures, keys, positions, seed, v):
    s = head_plan(v)
    run("sample.sample_%d_%d_%d_%d" % s, logits.shape[0] * s[0], s[1], tokens, logp, ent, logits, rows, temperatures, keys, positions, U64(seed), v, logits.shape[1],
        shared=16 * s[1] * max(s[2:]))


def philox(seed, c):
    k0, k1, mask = seed & 0xFFFFFFFF, seed >> 32, 0xFFFFFFFF
    for _ in range(10):
        p0, p1 = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 & mask, (p0 >> 32) ^ c[3] ^ k1, p0 & mask]
        k0, k1 = (k0 + 0x9E3779B9) & mask, (k1 + 0xBB67AE85) & mask
    return (c[0] >> 8) / (1 << 24)


def head():
    for seed in range(100):
        torch.manual_seed(seed)
        random.seed(seed)
        v = random.choice([1, 7, 64, 517, 1000, 4096, 8191, 16000, 16385, 32000, 32769, 50257, 65537, 128256, 131073, 151936, 163841, 200064])
        p, t = random.randint(1, 40 if v > 20000 else 200), random.choice([1.0, 0.7, 1.3])
        ld = (v + 7) // 8 * 8
        z = poison(p, ld, dtype=F32)
        z[:, :v] = randn(p, v, dtype=F32) * 4
        targets = torch.randint(0, v, (p,), device="cuda", dtype=I32)
        coef, ecoef = randn(p, dtype=F32), random.choice([randn(p, dtype=F32), None])
        dl, logp, ent = poison(p, ld), poison(p, dtype=F32), poison(p, dtype=F32)
        twice("classify", lambda: (classify(dl, logp, ent, z, targets, coef, ecoef, v, t), dl, logp, ent)[1:])
        x = z[:, :v].to(F64).clone().requires_grad_()
        lp = torch.log_softmax(x / t, -1)
        lt = lp.gather(1, targets.long()[:, None])[:, 0]
        en = -(lp.exp() * lp).sum(-1)
        ((lt * coef.to(F64)).sum() + (0 if ecoef is None else (en * ecoef.to(F64)).sum())).backward()
        if v > 1:
            near("LogProb", logp, lt.detach())
            near("Entropy", ent, en.detach())
            near("dLogits", dl[:, :v], x.grad)
        lp2, en2 = poison(p, dtype=F32), poison(p, dtype=F32)
        classify(None, lp2, en2, z, targets, None, None, v, t)
        if not (torch.equal(lp2, logp) and torch.equal(en2, ent)):
            worst["classify without gradient DIFFERS"] = (math.inf, 0)
        # Sampling from the same logits.
        temps = torch.full((p,), t, device="cuda")
        temps[::3] = 0
        rows = torch.zeros(p, device="cuda", dtype=I32)
        rows[p // 2] = -1
        keys = torch.randint(-2**31, 2**31, (p, 2), device="cuda").to(I32)
        positions = torch.randint(0, 100000, (p,), device="cuda", dtype=I32)
        runSeed = random.getrandbits(63)
        tokens, slp, sen = torch.full((p,), -7, device="cuda", dtype=I32), poison(p, dtype=F32), poison(p, dtype=F32)
        twice("sample", lambda: (sample(tokens, slp, sen, z, rows, temps, keys, positions, runSeed, v), tokens, slp, sen)[1:])
        host = tokens.tolist()
        if host[p // 2] != -7:
            worst["sample skips"] = (math.inf, 0)
        tokens[p // 2] = 0
        for temperature in (t, 1.0):
            classify(None, lp2, en2, z, tokens, None, None, v, temperature)
            mine = (temps == (t if temperature == t else 0)) & (rows >= 0)
            if temperature == t or True:
                mine = mine if temperature == t else ((temps == 0) & (rows >= 0))
            if not (torch.equal(lp2[mine], slp[mine]) and torch.equal(en2[mine], sen[mine])):
                worst["sampled is scored"] = (math.inf, 0)
        cumulative = torch.cumsum(torch.softmax(z[:, :v].to(F64) / t, -1), -1)
        tie = z[:, :v].argmax(-1)
        for b in range(p):
            if b == p // 2:
                continue
            if temps[b].item() == 0:
                if host[b] != tie[b].item():
                    worst["greedy"] = (math.inf, 0)
                continue
            k = [x & 0xFFFFFFFF for x in keys[b].tolist()]
            u = philox(runSeed, [positions[b].item(), 0, k[0], k[1]])
            j = host[b]
            lo, hi = (cumulative[b, j - 1].item() if j else 0.0), cumulative[b, j].item()
            if not lo - 2e-6 <= u <= hi + 2e-6:
                worst["sampled interval"] = (max(abs(u - lo), abs(u - hi)), 0)
    ties = torch.zeros(4, 128256, device="cuda")
    ties[0, 5000:] = 1
    ties[1, 128255] = 1
    ties[2, 70000] = ties[2, 3000] = 2
    tokens, f = torch.full((4,), -7, device="cuda", dtype=I32), [poison(4, dtype=F32) for _ in range(2)]
    zeros = torch.zeros(4, device="cuda", dtype=I32)
    sample(tokens, *f, ties, zeros, torch.zeros(4, device="cuda"), torch.zeros(4, 2, device="cuda", dtype=I32), zeros, 1, 128256)
    if tokens.tolist() != [5000, 128255, 3000, 0]:
        worst[f"greedy ties {tokens.tolist()}"] = (math.inf, 0)
    report()
    copy_bandwidth()
    for p, v in [(1024, 128256), (1024, 151936), (2048, 50257 // 8 * 8), (4096, 32768), (32768, 4096), (8192, 8192), (8192, 16000), (512, 262144)]:
        sets = [(poison(p, v), randn(p, v, dtype=F32)) for _ in range(2)]
        logp, ent, coef = poison(p, dtype=F32), poison(p, dtype=F32), randn(p, dtype=F32)
        targets = torch.randint(0, v, (p,), device="cuda", dtype=I32)
        zeros, ones, keys = torch.zeros(p, device="cuda", dtype=I32), torch.ones(p, device="cuda"), torch.randint(0, 1 << 30, (p, 2), device="cuda").to(I32)
        rate(f"classify {p}x{v} {head_plan(v)} {at_once(v)} at once", 6 * p * v, [lambda s=s: classify(s[0], logp, ent, s[1], targets, coef, None, v, 1.0) for s in sets])
        rate(f"classify {p}x{v} no gradient", 4 * p * v, [lambda s=s: classify(None, logp, ent, s[1], targets, None, None, v, 1.0) for s in sets])
        rate(f"sample {p}x{v}", 4 * p * v, [lambda s=s: sample(targets, logp, ent, s[1], zeros, ones, keys, zeros, 1, v) for s in sets])
        if PEERS and v in (128256, 32768):
            x, y = sets[0][1].requires_grad_(), targets.long()
            ce = torch.compile(lambda x: F.cross_entropy(x, y, reduction="sum"))
            with torch.no_grad():
                rate(f"torch.compile cross_entropy {p}x{v}", 4 * p * v, [lambda: ce(x)])
            t = timed_step(lambda: ce(x).backward(), [x])
            print(f"  torch.compile cross_entropy and backward f32 {t * 1e6:9.1f} us (8 B an element: {8 * p * v / t / 1e12:.2f} TB/s)")
        del sets


SECTIONS = {"norms": norms, "elementwise": elementwise, "optimizer": optimizer, "embedding": embedding, "head": head}


def main():
    global run
    names = [a for a in sys.argv[2:] if a in SECTIONS] or list(SECTIONS)
    for name in names:
        sys.stdout.flush()
        pid = os.fork()  # a fault of one section leaves the others alone
        if pid:
            deadline = time.time() + 60
            while os.waitpid(pid, os.WNOHANG)[0] == 0:
                if time.time() > deadline:
                    os.kill(pid, signal.SIGKILL)
                    print(f"{name}: killed after 60 s")
                time.sleep(0.1)
            continue
        start = time.time()
        print(f"== {name}")
        try:
            run = Cubins()
            SECTIONS[name]()
        except BaseException:
            print(traceback.format_exc(limit=4)[-900:])
        print(f"  {time.time() - start:.0f} s", flush=True)
        os._exit(0)


main()
