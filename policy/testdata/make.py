#!/usr/bin/env python3
"""Writes the checkpoint cases of this folder, in the form of the fixtures that
OCTORL_FIXTURES names, for architectures that those lack. Needs torch and
transformers: pip install torch transformers safetensors, then run it here. What
is expected is computed in float64.

    make.py              # the cases of this folder
    make.py FOLDER       # many more into another, to run with
    OCTORL_FIXTURES=FOLDER go test -run TestFixtures ./policy
"""

import json
import pathlib
import shutil
import sys

import torch
import transformers
from safetensors.torch import save_file

SHAPE = dict(
    vocab_size=48, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, head_dim=8, max_position_embeddings=128, initializer_range=0.2,
    bos_token_id=None, eos_token_id=None, attn_implementation="eager",
)
CASES = {
    "qwen3-tiny": (transformers.Qwen3ForCausalLM, transformers.Qwen3Config(**SHAPE, rms_norm_eps=1e-6, tie_word_embeddings=True)),
    "mistral-tiny": (transformers.MistralForCausalLM, transformers.MistralConfig(**SHAPE, rms_norm_eps=1e-5, sliding_window=None)),
}
LLAMA3 = dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)


def shaped(kind, config, **changes):
    """A class of model and its configuration, other than SHAPE where changes say."""
    return kind, config(**(SHAPE | dict(rms_norm_eps=1e-5) | changes))


def llama(**changes):
    return shaped(transformers.LlamaForCausalLM, transformers.LlamaConfig, **changes)


def qwen2(**changes):
    return shaped(transformers.Qwen2ForCausalLM, transformers.Qwen2Config, **changes)


def qwen3(**changes):
    return shaped(transformers.Qwen3ForCausalLM, transformers.Qwen3Config, **changes)


def mistral(**changes):
    return shaped(transformers.MistralForCausalLM, transformers.MistralConfig, **(dict(sliding_window=None) | changes))


# Head sizes that no vector width divides, groups of every kind, vocabularies and
# widths that are no multiple of anything.
MORE = {
    "llama-scaled": llama(rope_parameters=LLAMA3, tie_word_embeddings=True, max_position_embeddings=256),
    "llama-scaled-untied": llama(rope_parameters=LLAMA3 | dict(factor=32.0, rope_theta=500000.0), tie_word_embeddings=False, vocab_size=515, hidden_size=60, head_dim=20, num_attention_heads=6, intermediate_size=101),
    "llama-heads-of-6": llama(head_dim=6, num_attention_heads=5, num_key_value_heads=5, hidden_size=30, vocab_size=97),
    "llama-heads-of-2": llama(head_dim=2, num_attention_heads=4, num_key_value_heads=1, hidden_size=20),
    "llama-heads-of-80": llama(head_dim=80, num_attention_heads=4, num_key_value_heads=2, hidden_size=64, vocab_size=300, tie_word_embeddings=True),
    "llama-heads-of-96": llama(head_dim=96, num_attention_heads=3, num_key_value_heads=1, hidden_size=96, num_hidden_layers=1),
    "llama-heads-of-128": llama(head_dim=128, num_attention_heads=4, num_key_value_heads=1, hidden_size=48, rope_parameters=LLAMA3),
    "llama-deep": llama(num_hidden_layers=7, hidden_size=44, head_dim=10, initializer_range=0.05),
    "qwen2-untied": qwen2(hidden_size=36, num_attention_heads=3, num_key_value_heads=1, head_dim=12, vocab_size=129, tie_word_embeddings=False),
    "qwen2-heads-of-14": qwen2(hidden_size=56, num_attention_heads=4, num_key_value_heads=2, head_dim=14, tie_word_embeddings=True, rope_parameters=dict(rope_type="default", rope_theta=1000000.0)),
    "qwen3-heads-of-40": qwen3(head_dim=40, num_attention_heads=8, num_key_value_heads=1, hidden_size=44, vocab_size=211),
    "qwen3-heads-of-18": qwen3(head_dim=18, num_attention_heads=6, num_key_value_heads=3, hidden_size=50, tie_word_embeddings=True, rms_norm_eps=1e-6),
    "qwen3-heads-of-128": qwen3(head_dim=128, num_attention_heads=2, num_key_value_heads=1, hidden_size=32),
    "mistral-heads-of-10": mistral(head_dim=10, num_attention_heads=6, num_key_value_heads=2, hidden_size=44, intermediate_size=70),
    "mistral-tied": mistral(head_dim=26, num_attention_heads=2, num_key_value_heads=1, hidden_size=52, tie_word_embeddings=True, vocab_size=333),
}
ADAMW = dict(lr=1e-3, beta1=0.9, beta2=0.95, eps=1e-8, clip=1.0, weight_decay=0.1)
GREEDY_TOKENS = 48


def mean_loss(model, ids, labels):
    logits = model(ids).logits[:, :-1]
    return torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1), ignore_index=-100)


def adamw_losses(model, ids, labels):
    optimizer = torch.optim.AdamW(model.parameters(), lr=ADAMW["lr"], betas=(ADAMW["beta1"], ADAMW["beta2"]),
                                  eps=ADAMW["eps"], weight_decay=ADAMW["weight_decay"])
    losses = []
    for step in range(6):
        loss = mean_loss(model, ids, labels)
        losses.append(loss.item())
        if step < 5:
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), ADAMW["clip"])
            optimizer.step()
    return losses


@torch.no_grad()
def greedy(model, prompt):
    ids = list(prompt)
    for _ in range(GREEDY_TOKENS):
        ids.append(model(torch.tensor([ids])).logits[0, -1].argmax().item())
    return ids[len(prompt):]


def write(root, name, kind, config):
    torch.manual_seed(7)
    folder = root / name
    shutil.rmtree(folder, ignore_errors=True)
    model = kind(config)
    for parameter in model.parameters():
        if parameter.dim() == 1:  # gains that are all 1 would hide which is which
            torch.nn.init.normal_(parameter, 1.0, 0.3)
    model.save_pretrained(folder)
    model = model.double()
    ids = torch.randint(0, config.vocab_size, (3, 29))
    labels = ids.clone()
    labels[0, :5] = labels[2, -7:] = -100
    loss = mean_loss(model, ids, labels)
    loss.backward()
    gradients = {n: p.grad.float().contiguous() for n, p in model.named_parameters()}
    logits = model(ids).logits.detach()
    logprobs = logits[:, :-1].log_softmax(-1)
    chosen = logprobs.gather(-1, ids[:, 1:, None])[..., 0]
    entropy = -(logprobs.exp() * logprobs).sum(-1)
    save_file({"input_ids": ids.int(), "labels": labels.int(), "logprobs": chosen.float().contiguous(),
               "logits": logits.float().contiguous(), "entropy": entropy.float()}, folder / "expected.safetensors")
    save_file(gradients, folder / "expected_grads.safetensors")
    prompt = ids[0, :6].tolist()
    expected = {"loss": loss.item(), "greedy_prompt": prompt, "greedy": greedy(model, prompt),
                "adamw": ADAMW, "adamw_losses": adamw_losses(model, ids, labels)}
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def main():
    root, cases = pathlib.Path(__file__).parent, CASES
    if len(sys.argv) > 1:
        root, cases = pathlib.Path(sys.argv[1]), MORE
    for name, (kind, config) in cases.items():
        write(root, name, kind, config)


main()
