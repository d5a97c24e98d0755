#!/usr/bin/env python3
"""octorl's tokenizer beside Hugging Face's on each corpus, on one core.

It needs the package, in an environment of its own, and the program:

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install tokenizers==0.23.3
    go build -o /tmp/octorl ./cmd/octorl
    taskset -c 0 /tmp/peers/bin/python scripts/peers/tokenizers_bench.py --octorl /tmp/octorl --data ../shared/data

Every 8th document is encoded by default, since the package takes a minute a
vocabulary for all (--every 1), which is fairer: a tokenizer just loaded is slow
for the first 100 kB. octorl's rates are those of octorl bench tokenizer, medians
over the rounds: by a tokenizer just loaded, and by one that has seen the texts;
the package's is that of its fastest round. Ratios are of the slower of ours.
Digests are the SHA-256 of all ids as little-endian int32 and must be the same;
TestCorpusDigests in policy/tokenizer holds those of the default documents.
"""

import os

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import argparse
import array
import glob
import gzip
import hashlib
import json
import subprocess
import sys
import tempfile
import time

try:
    import tokenizers
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers
except ImportError:
    sys.exit("tokenizers_bench.py needs the package tokenizers: see its first lines")

QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def read(*path):
    with gzip.open(os.path.join(*path), "rt", encoding="utf-8") as f:
        return f.read()


def pair(vocab, merges):
    """A tokenizer of GPT-2's two files, as transformers converts them."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("vocab.json", "merges.txt")]
        for path, text in zip(paths, (vocab, merges)):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        return Tokenizer(models.BPE.from_file(*paths))


def load(folder, name):
    if name == "gpt2":
        tok = pair(read(folder, "encoder.json.gz"), read(folder, "vocab.bpe.gz"))
        tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tok.add_special_tokens(["<|endoftext|>"])
    elif name == "qwen2":
        tok = pair(read(folder, "vocab.json.gz"), read(folder, "merges.txt.gz"))
        tok.normalizer = normalizers.NFC()
        tok.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(QWEN2), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
        tok.add_special_tokens([AddedToken(s, normalized=False) for s in specials])
    else:
        tok = Tokenizer.from_str(read(folder, "tokenizer.json.gz"))
    return tok


def unpack(folder, to):
    """A vocabulary's files as octorl reads them."""
    for name in os.listdir(folder):
        data = open(os.path.join(folder, name), "rb").read()
        with open(os.path.join(to, name.removesuffix(".gz")), "wb") as f:
            f.write(gzip.decompress(data) if name.endswith(".gz") else data)


def ours(program, folder, paths, args):
    """What octorl bench tokenizer says of each corpus."""
    with tempfile.TemporaryDirectory() as to:
        unpack(folder, to)
        out = subprocess.run(
            [program, "bench", "tokenizer", "--json", "--tokenizer", to, "--every", str(args.every), "--reps", str(args.rounds), *paths],
            check=True, stdout=subprocess.PIPE, env=dict(os.environ, GOMAXPROCS="1")).stdout
    return json.loads(out)["measurements"]


def theirs(tok, texts, rounds):
    """Seconds of the fastest round, and the ids."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        encodings = tok.encode_batch_fast(texts, add_special_tokens=False)
        best = min(best, time.perf_counter() - start)
    ids = array.array("i")
    for encoding in encodings:
        ids.extend(encoding.ids)
    if sys.byteorder == "big":
        ids.byteswap()
    return best, ids.tobytes()


def compare(name, paths, args):
    """Prints a line for each corpus and one for all, which has the digest of every id."""
    folder = os.path.join(args.data, "tokenizers", name)
    tok = load(folder, name)
    rows = ours(args.octorl, folder, paths, args) if args.octorl else [None] * len(paths)
    digest, seconds, first, again, size, lines = hashlib.sha256(), 0, 0, 0, 0, 0
    for path, row in zip(paths, rows):
        texts = [json.loads(line)["text"] for line in read(path).split("\n") if line]
        lines, texts = lines + len(texts), texts[-lines % args.every :: args.every]
        length = sum(len(text.encode()) for text in texts) / 1e6
        took, ids = theirs(tok, texts, args.rounds)
        digest.update(ids)
        size, seconds = size + length, seconds + took
        corpus = os.path.basename(path).split(".")[0]
        if not row:
            print(f"{name:13} {corpus:36} {length:6.2f} MB, tokenizers {length / took:5.2f} MB/s", flush=True)
            continue
        first, again = first + length / row["first"], again + length / row["again"]
        same = "same ids" if row["sha256"] == hashlib.sha256(ids).hexdigest() else "OTHER IDS"
        line(name, corpus, length, row["first"], row["again"], length / took, same)
    if first:
        line(name, "all", size, size / first, size / again, size / seconds, digest.hexdigest())
    else:
        print(f"{name:13} {'all':36} {size:6.2f} MB, tokenizers {size / seconds:5.2f} MB/s  {digest.hexdigest()}", flush=True)


def line(name, corpus, size, first, again, peer, more):
    print(f"{name:13} {corpus:36} {size:6.2f} MB, octorl {first:6.1f} MB/s at first, {again:6.1f} again, "
          f"tokenizers {peer:5.2f}, ratio {min(first, again) / peer:5.1f}, {more}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="../shared/data", help="folder of corpus/ and tokenizers/")
    parser.add_argument("--octorl", help="the program; without it the package alone is measured")
    parser.add_argument("--every", type=int, default=8, help="take every Nth document")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="dolma2,qwen2,gpt2,gpt-neox-20b", help="vocabularies; dolma2 splits as Llama-3 does")
    args = parser.parse_args()

    paths = sorted(glob.glob(os.path.join(args.data, "corpus", "*.jsonl.gz")))
    print(f"tokenizers {tokenizers.__version__}, one document in {args.every} of {len(paths)} corpora, {args.rounds} rounds")
    for name in args.only.split(","):
        compare(name, paths, args)


if __name__ == "__main__":
    main()
