#!/usr/bin/env python3
"""Takes turns between octorl's CPU device and its peers; see compare_cpu.sh.

Each peer is a process of cpu_peers.py that waits for its turn on standard
input, so that nobody computes while another is measured.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PARTS = ("sgemm", "train", "decode", "single")

# Rows of the report: what is divided by what, and the bar.
TRAIN, BATCH, ALONE = "training step, tiny-10m", "decode tiny-10m, batch 64", "decode tiny-10m, batch 1"


class Peer:
    """A process of cpu_peers.py for one part and number of threads."""

    def __init__(self, part, threads, work):
        env = dict(os.environ, OPENBLAS_NUM_THREADS=str(threads), OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads),
                   TOKENIZERS_PARALLELISM="false")
        for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # the peer is to choose its kernels itself
            env.pop(name, None)
        self.part, self.threads = part, threads
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "cpu_peers.py"), part, "--threads", str(threads), "--work", work],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        self.about = self.answer()
        if "missing" in self.about:
            print(f"{part}: no peer: {self.about['missing']}", file=sys.stderr)
        else:
            print(f"{part}, {threads} threads: {self.about['about']}", file=sys.stderr)

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            return {"missing": f"cpu_peers.py {self.part} ended with {self.process.wait()}"}
        return json.loads(line)

    def turn(self, reps):
        """Rates by name of one turn, the best to the worst of reps repetitions."""
        if "missing" in self.about:
            return {}
        self.process.stdin.write(f"{reps}\n")
        self.process.stdin.flush()
        answer = self.answer()
        if "missing" in answer:
            self.about = answer
            print(f"{self.part}: peer failed: {answer['missing']}", file=sys.stderr)
            return {}
        return answer

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def octorl_turn(program, only, threads, reps):
    """Rates by (name, threads) of octorl bench cpu, and its report."""
    out = subprocess.run([program, "bench", "cpu", "--json", "--only", only, "--threads", threads, "--reps", str(reps)],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    report = json.loads(out)
    return {(m["name"], m["threads"]): m for m in report["measurements"]}, report["device"]


class Table:
    """Rates of all rounds, by who, name and threads."""

    def __init__(self):
        self.rates = {}

    def add(self, who, name, threads, rate):
        self.rates.setdefault((who, name, threads), []).append(rate)

    def ratio(self, ours, other):
        """Median, lower and upper quartile of the rounds' ratios: both sides of one round ran within seconds."""
        x, y = self.rates.get(ours), self.rates.get(other)
        if not x or not y:
            return None
        return spread([a / b for a, b in zip(x, y)])


def spread(values):
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return median, low, high


def measure(args, table):
    parts = args.only.split(",")
    counts = sorted({1, args.threads})
    peers = [Peer("sgemm", n, args.work) for n in counts if "sgemm" in parts]
    peers += [Peer(p, args.threads, args.work) for p in PARTS[1:] if p in parts]
    device = ""
    for r in range(args.rounds):
        print(f"round {r + 1} of {args.rounds}", file=sys.stderr)
        for part in PARTS:
            if part not in parts:
                continue
            # The order changes from round to round, so that nobody always follows the same neighbor.
            turns = [lambda: ours(args, part, counts, table)] + [lambda p=p: theirs(p, args.reps, table) for p in peers if p.part == part]
            for turn in turns[:: 1 if r % 2 else -1]:
                device = turn() or device
    for p in peers:
        p.end()
    return device


def ours(args, part, counts, table):
    only = {"sgemm": "peak,sgemm", "train": "train", "decode": "decode", "single": "decode"}[part]
    threads = ",".join(map(str, counts if part == "sgemm" else [args.threads]))
    rows, device = octorl_turn(args.octorl, only, threads, args.reps)
    for (name, n), m in rows.items():
        if (part == "decode" and name == ALONE) or (part == "single" and name == BATCH):
            continue
        table.add("octorl", name, n, m["median"])
        if "cpu" in m:
            table.add("octorl, CPU time", name, n, m["cpu"])
    return device


def theirs(peer, reps, table):
    for name, rate in peer.turn(reps).items():
        who, _, what = name.partition("|")
        table.add(who, what, peer.threads, rate)


def report(args, table, device):
    print(f"\n{device}; {args.rounds} rounds of {args.reps} repetitions: median over rounds (quartiles)\n")
    faults = []

    def line(what, value, bar=None):
        if value is None:
            print(f"{what:66} not measured")
            return
        mark = "" if bar is None else f"   bar {bar}: {'yes' if value[0] >= bar else 'NO'}"
        if bar is not None and value[0] < bar:
            faults.append(what)
        print(f"{what:66} {value[0]:8.3f}  ({value[1]:.3f} … {value[2]:.3f}){mark}")

    products = sorted({n for who, n, t in table.rates if who == "octorl" and n.startswith("sgemm")})
    peak = ("octorl", "multiply-adds on registers", 1)
    for name in products:
        one, all_ = ("octorl", name, 1), ("octorl", name, args.threads)
        line(f"{name}, of peak", table.ratio(one, peak), 0.85)
        line(f"{name}, of OpenBLAS", table.ratio(one, ("openblas", name, 1)), 0.95)
        if args.threads > 1:
            line(f"{name}, {args.threads} threads by one", table.ratio(all_, one), 1.85 if args.threads == 2 else None)
            line(f"{name}, of OpenBLAS, {args.threads} threads", table.ratio(all_, ("openblas", name, args.threads)))
    n = args.threads
    if any(name == TRAIN for _, name, _ in table.rates):
        rates(table, [("octorl", TRAIN, n), ("eager", TRAIN, n), ("compiled", TRAIN, n)])
        better = [r for r in (table.ratio(("octorl", TRAIN, n), (who, TRAIN, n)) for who in ("eager", "compiled")) if r]
        line(f"{TRAIN}, by PyTorch, the better of eager and compiled", min(better) if better else None, 1.2)
    for name, who, bar in ((BATCH, "transformers", 2), (ALONE, "llama.cpp", 1)):
        if any(x == name for _, x, _ in table.rates):
            rates(table, [("octorl", name, n), (who, name, n)])
            line(f"{name}, by {who}", table.ratio(("octorl", name, n), (who, name, n)), bar)
    print(f"\n{'every bar is met' if not faults else str(len(faults)) + ' bars are missed: ' + '; '.join(faults)}")


def rates(table, keys):
    for key in keys:
        if table.rates.get(key):
            m, low, high = spread(table.rates[key])
            print(f"{key[1] + ': ' + key[0]:66} {m:8.0f}  ({low:.0f} … {high:.0f}) tokens/s")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--octorl", required=True, help="the program")
    ap.add_argument("--work", required=True, help="a folder for files")
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--reps", type=int, default=3, help="repetitions in a turn")
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    ap.add_argument("--only", default=",".join(PARTS), help="parts: " + ", ".join(PARTS))
    args = ap.parse_args()
    table = Table()
    device = measure(args, table)
    report(args, table, device)


if __name__ == "__main__":
    main()
