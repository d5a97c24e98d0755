#!/usr/bin/env python3
"""Writes the checkpoint cases of this folder, in the form of the fixtures that
OCTORL_FIXTURES names, for architectures that those lack. Needs torch and
transformers: pip install torch transformers safetensors, then run it here. What
is expected is computed in float64.
"""

import json
import pathlib
import shutil

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


def write(name, kind, config):
    torch.manual_seed(7)
    folder = pathlib.Path(__file__).parent / name
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
    logprobs = model(ids).logits[:, :-1].log_softmax(-1).detach()
    chosen = logprobs.gather(-1, ids[:, 1:, None])[..., 0]
    entropy = -(logprobs.exp() * logprobs).sum(-1)
    save_file({"input_ids": ids.int(), "labels": labels.int(), "logprobs": chosen.float().contiguous(),
               "entropy": entropy.float()}, folder / "expected.safetensors")
    save_file(gradients, folder / "expected_grads.safetensors")
    prompt = ids[0, :6].tolist()
    expected = {"loss": loss.item(), "greedy_prompt": prompt, "greedy": greedy(model, prompt),
                "adamw": ADAMW, "adamw_losses": adamw_losses(model, ids, labels)}
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


for name, (kind, config) in CASES.items():
    write(name, kind, config)
