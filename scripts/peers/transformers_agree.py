#!/usr/bin/env python3
"""Does transformers load a checkpoint folder, of octorl export or of the hub, and
say what octorl says of it? Compares logprobs of random ids, and where the folder
has a tokenizer, ids of texts and a chat prompt.

It needs torch and transformers, in an environment of its own:

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install torch transformers
    go build -o /tmp/octorl ./cmd/octorl
    /tmp/octorl export runs/quickstart@rl-mid /tmp/exported
    /tmp/peers/bin/python scripts/peers/transformers_agree.py --octorl /tmp/octorl /tmp/exported

The exit status is 1 where logprobs differ by more than 2e-5, or ids at all.
"""

import argparse
import json
import os
import subprocess
import sys

try:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
except ImportError:
    sys.exit("transformers_agree.py needs torch and transformers: see its first lines")

TEXTS = ["", "Question:\nWhat is 3+4*2?\nAnswer:\n", "  two  spaces\tand\n\n\nlines", "Größe 12345 “x” 😀 \\boxed{\\frac{1}{2}}", "don't we'll I'M", "中文 и русский"]


def octorl(binary, verb, lines):
    out = subprocess.run([binary] + verb, input="".join(json.dumps(x) + "\n" for x in lines), capture_output=True, text=True, check=False)
    if out.returncode:
        sys.exit(f"{' '.join(verb)}: {out.stderr}")
    return [json.loads(line) for line in out.stdout.splitlines()]


def compare_logprobs(binary, folder, sequences, length):
    # Weights are read as they are and computed with in float64; rotary tables stay float32, as octorl's.
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").double()
    torch.manual_seed(1)
    length = min(length, model.config.max_position_embeddings)
    ids = torch.randint(0, model.config.vocab_size, (sequences, length))
    with torch.no_grad():
        logprobs = model(ids).logits[:, :-1].log_softmax(-1)
    want = logprobs.gather(-1, ids[:, 1:, None])[..., 0]
    got = octorl(binary, ["score", "--model", folder], [{"ids": row} for row in ids.tolist()])
    return (torch.tensor([r["logprobs"] for r in got]).double() - want).abs().max().item()


def compare_ids(binary, folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    wrong = 0
    for special in (False, True):
        verb = ["tokenize", "--tokenizer", folder] + (["--special"] if special else [])
        got = octorl(binary, verb, [{"text": t} for t in TEXTS])
        for text, line in zip(TEXTS, got):
            want = tokenizer(text, add_special_tokens=special)["input_ids"]
            if line["ids"] != want:
                print(f"ids of {text!r}: {line['ids']}, transformers {want}")
                wrong += 1
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--octorl", default="octorl", help="the program")
    parser.add_argument("--sequences", type=int, default=4)
    parser.add_argument("--length", type=int, default=128)
    args = parser.parse_args()
    error = compare_logprobs(args.octorl, args.folder, args.sequences, args.length)
    print(f"logprobs: largest difference {error:.2g}")
    wrong = 0
    if os.path.exists(os.path.join(args.folder, "tokenizer.json")):
        wrong = compare_ids(args.octorl, args.folder)
        print(f"tokenizer: {wrong} of {2 * len(TEXTS)} texts differ")
    sys.exit(error > 2e-5 or wrong > 0)


main()
