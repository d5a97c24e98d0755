#!/usr/bin/env python3
"""Speed and ids of Hugging Face tokenizers on the corpora, on one core.

Beside it runs

    go test -run '^$' -bench Corpus -cpu 1 ./policy/tokenizer

It needs the package, in an environment of its own:

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install tokenizers==0.23.3
    /tmp/peers/bin/python scripts/peers/tokenizers_bench.py --data ../shared/data

Every 8th document is encoded, since the package takes a minute a vocabulary for
all; the rate is that of the fastest of three rounds. The digest is the SHA-256 of
all ids as little-endian int32; TestCorpusDigests in policy/tokenizer holds the
digests that the default documents give.
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="../shared/data", help="folder of corpus/ and tokenizers/")
    parser.add_argument("--every", type=int, default=8, help="take every Nth document")
    args = parser.parse_args()

    paths = sorted(glob.glob(os.path.join(args.data, "corpus", "*.jsonl.gz")))
    texts = [json.loads(line)["text"] for path in paths for line in read(path).split("\n") if line]
    texts = texts[:: args.every]
    size = sum(len(text.encode()) for text in texts)
    print(f"tokenizers {tokenizers.__version__}: {len(texts)} documents, {size / 1e6:.1f} MB")
    for name in ("dolma2", "qwen2", "gpt2", "gpt-neox-20b"):
        tok = load(os.path.join(args.data, "tokenizers", name), name)
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            encodings = tok.encode_batch_fast(texts, add_special_tokens=False)
            best = min(best, time.perf_counter() - start)
        digest = hashlib.sha256()
        for encoding in encodings:
            ids = array.array("i", encoding.ids)
            if sys.byteorder == "big":
                ids.byteswap()
            digest.update(ids.tobytes())
        print(f"{name:14} {size / 1e6 / best:6.2f} MB/s  {digest.hexdigest()}", flush=True)


if __name__ == "__main__":
    main()
