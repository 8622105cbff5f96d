#!/usr/bin/env python3
"""The final token distribution of llama.cpp's sampler chain, modelled in numpy with its float32 arithmetic.

Independent of src/: written from the behaviour of llama.cpp's samplers (logit bias, penalties, top-k, typical, top-p,
min-p, temperature, in this order; min_keep 1). Writes llama_chain.json beside this file.

    python3 llama_chain.py     (needs numpy 2.4; the output is committed and deterministic)
"""
import json
import pathlib

import numpy as np

F = np.float32


def softmax(logits):
    e = np.exp((logits - logits.max()).astype(F)).astype(F)
    return (e / F(e.sum(dtype=np.float64))).astype(F)


def penalties(logits, history, last_n, repeat, frequency, presence):
    if last_n == 0 or not history:
        return logits
    window = history[-last_n:] if last_n > 0 else history
    out = logits.copy()
    for token in sorted(set(window)):
        count = window.count(token)
        out[token] = F(out[token] * F(repeat)) if out[token] <= 0 else F(out[token] / F(repeat))
        out[token] -= F(F(count) * F(frequency)) + F(presence)
    return out


def by_likelihood(ids, logits):
    """ids, likeliest first; equal logits by lower id."""
    return sorted(ids, key=lambda t: (-float(logits[t]), t))


def chain(logits, history, s):
    logits = np.array(logits, dtype=F)
    for token, bias in s.get("logit_bias", []):
        logits[token] += F(bias)
    logits = penalties(logits, history, s.get("repeat_last_n", 64), s.get("repetition_penalty", 1.0),
                       s.get("frequency_penalty", 0.0), s.get("presence_penalty", 0.0))
    ids = by_likelihood([t for t in range(len(logits)) if logits[t] > -np.inf], logits)
    k = s.get("top_k", 40)
    if k > 0:
        ids = ids[:k]
    if s.get("typical_p", 1.0) < 1.0:
        p = softmax(logits[ids]).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            surprise = np.where(p > 0, -np.log(p), np.inf)
            entropy = float(np.sum(np.where(p > 0, p * surprise, 0.0)))
        order = sorted(range(len(ids)), key=lambda i: (abs(surprise[i] - entropy), i))
        cumulative, kept = 0.0, []
        for i in order:
            kept.append(ids[i])
            cumulative += p[i]
            if cumulative > s["typical_p"]:
                break
        ids = by_likelihood(kept, logits)
    if s.get("top_p", 0.95) < 1.0:
        p = softmax(logits[ids])
        cumulative, kept = 0.0, 0
        for value in p:
            cumulative += float(value)
            kept += 1
            if cumulative >= s.get("top_p", 0.95):
                break
        ids = ids[:kept]
    if s.get("min_p", 0.05) > 0.0:
        least = F(logits[ids[0]] + F(np.log(F(s.get("min_p", 0.05)))))
        ids = [t for t in ids if logits[t] >= least]
    temperature = s.get("temperature", 0.8)
    if temperature <= 0:
        return {ids[0]: 1.0}
    scaled = (logits[ids] / F(temperature)).astype(F).astype(np.float64)
    e = np.exp(scaled - scaled.max())
    e /= e.sum()
    return {t: float(v) for t, v in zip(ids, e)}


OFF = {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "temperature": 1.0}
CASES = [
    ("defaults", 96, {}),
    ("everything off", 96, OFF),
    ("hot, everything off", 96, OFF | {"temperature": 1.7}),
    ("cold", 96, {"temperature": 0.2}),
    ("greedy", 96, {"temperature": 0.0}),
    ("top_k 1", 96, OFF | {"top_k": 1}),
    ("top_k 5", 96, OFF | {"top_k": 5}),
    ("top_k beyond the vocabulary", 96, OFF | {"top_k": 1000}),
    ("top_p 0.5", 96, OFF | {"top_p": 0.5}),
    ("top_p 0.99 hot", 96, OFF | {"top_p": 0.99, "temperature": 1.5}),
    ("min_p 0.1", 96, OFF | {"min_p": 0.1}),
    ("min_p 1", 96, OFF | {"min_p": 1.0}),
    ("typical 0.3", 96, OFF | {"typical_p": 0.3}),
    ("typical 0.9 after top_k", 96, OFF | {"typical_p": 0.9, "top_k": 30}),
    ("repetition", 96, OFF | {"repetition_penalty": 1.5}),
    ("repetition below one", 96, OFF | {"repetition_penalty": 0.8}),
    ("repetition, short window", 96, OFF | {"repetition_penalty": 1.5, "repeat_last_n": 4}),
    ("repetition, whole context", 96, OFF | {"repetition_penalty": 1.3, "repeat_last_n": -1}),
    ("penalties with window 0", 96, OFF | {"repetition_penalty": 2.0, "presence_penalty": 1.0, "repeat_last_n": 0}),
    ("frequency", 96, OFF | {"frequency_penalty": 0.7}),
    ("presence", 96, OFF | {"presence_penalty": 1.5}),
    ("negative penalties", 96, OFF | {"frequency_penalty": -0.5, "presence_penalty": -0.5}),
    ("logit bias", 96, OFF | {"logit_bias": [[3, 4.0], [7, -100.0], [11, 2.5]]}),
    ("logit bias and all penalties", 96, {"logit_bias": [[3, 4.0]], "repetition_penalty": 1.2,
                                          "frequency_penalty": 0.4, "presence_penalty": 0.3}),
    ("all stages", 96, {"top_k": 50, "typical_p": 0.95, "top_p": 0.9, "min_p": 0.02, "temperature": 1.1,
                        "repetition_penalty": 1.1, "frequency_penalty": 0.2, "presence_penalty": 0.1}),
    ("wide, top_p only", 3000, OFF | {"top_p": 0.8, "temperature": 0.7}),
    ("wide, min_p only", 3000, OFF | {"min_p": 0.05, "temperature": 0.7}),
    ("wide, top_k 200", 3000, {"top_k": 200}),
    ("wide, typical", 3000, OFF | {"typical_p": 0.7}),
    ("wide, everything off", 3000, OFF),
]


def main():
    rng = np.random.Generator(np.random.PCG64(20261120))
    rows = {}
    for vocab in (96, 3000):
        row = (rng.standard_normal(vocab) * 3.0).astype(F)
        row[vocab // 2] = row[vocab // 3]  # A tie.
        rows[vocab] = row
    history = [int(t) for t in rng.integers(0, 24, size=100)]
    cases = []
    for name, vocab, settings in CASES:
        distribution = chain(rows[vocab], history, settings)
        cases.append({"name": name, "vocab": vocab, "settings": settings,
                      "tokens": sorted(distribution),
                      "probabilities": [float(f"{distribution[t]:.9g}") for t in sorted(distribution)]})
    golden = {"history": history,
              "logits": {str(v): [float(f"{x:.9g}") for x in row] for v, row in rows.items()}, "cases": cases}
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(golden, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")


if __name__ == "__main__":
    main()
