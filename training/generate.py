"""Greedy answers of many conversations at once in PyTorch: quick feedback while training."""

import torch


@torch.no_grad()
def answers(model, tokenizer, prompts, limit=80):
    """prompts: texts ending with the generation prompt. Returns the texts up to <|im_end|>."""
    end = tokenizer.token_to_id("<|im_end|>")
    ids = [tokenizer.encode(p).ids for p in prompts]
    width, rows = max(map(len, ids)), len(ids)
    pad = torch.tensor([width - len(i) for i in ids])
    batch = torch.tensor([[0] * (width - len(i)) + i for i in ids])
    places = (torch.arange(width)[None] - pad[:, None]).clamp(min=0)
    seen = torch.arange(width + limit)[None] >= pad[:, None]
    causal = torch.ones(width, width, dtype=torch.bool).tril()
    mask = (seen[:, None, None, :width] & causal) | torch.eye(width, dtype=torch.bool)
    cache = [None] * len(model.blocks)
    logits = model.step(batch, places, mask, cache)
    made = [[] for _ in ids]
    running = torch.ones(rows, dtype=torch.bool)
    for n in range(limit):
        token = logits.argmax(-1)
        for i in range(rows):
            if running[i]:
                if token[i] == end:
                    running[i] = False
                else:
                    made[i].append(int(token[i]))
        if not running.any():
            break
        logits = model.step(token[:, None], width + n - pad[:, None], seen[:, None, None, :width + n + 1], cache)
    return [tokenizer.decode(m, skip_special_tokens=False) for m in made]


def answer_all(model, tokenizer, prompts, rows=64):
    """The same, sorted by length into groups of `rows` to waste little on padding."""
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    made = [""] * len(prompts)
    for at in range(0, len(order), rows):
        part = order[at:at + rows]
        for i, text in zip(part, answers(model, tokenizer, [prompts[i] for i in part])):
            made[i] = text
    return made
