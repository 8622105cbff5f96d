#!/usr/bin/env python3
"""Writes goldens/NAME.json: config, tensors' names and shapes, float32 logits and greedy tokens of every case in models.py, by
transformers.

    python -m venv v && v/bin/pip install torch==2.9.1 transformers==5.23.0 safetensors numpy
    v/bin/python make_goldens.py [NAME ...]

The logits of position p are those of a forward pass over the first p + 1 tokens (with LongRoPE a longer text changes
earlier positions; what counts is what generation sees)."""
import base64
import json
import pathlib
import sys
import tempfile

import numpy as np
import torch
import transformers

import models

HERE = pathlib.Path(__file__).resolve().parent
torch.manual_seed(0)


def forward(model, tokens):
    with torch.no_grad():
        return model(torch.tensor([tokens]), use_cache=False).logits[0].float().numpy()


def last_logits(model, tokens):
    return forward(model, tokens)[-1]


def published(name):
    """The name of a tensor in the multimodal models that are on Hugging Face."""
    for new, old in (("model.language_model.", "language_model.model."), ("model.vision_tower.", "vision_tower."),
                     ("model.multi_modal_projector.", "multi_modal_projector."), ("lm_head.", "language_model.lm_head.")):
        if name.startswith(new):
            return old + name[len(new):]
    return name


def make(name):
    class_name, fields = models.CASES[name]
    kind = getattr(transformers, class_name)
    config = kind.config_class(**fields)
    config._attn_implementation = "eager"
    model = kind(config).eval()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        stored = json.loads((pathlib.Path(folder) / "config.json").read_text())
        from safetensors import safe_open
        with safe_open(pathlib.Path(folder) / "model.safetensors", "pt") as file:
            shapes = {key: list(file.get_slice(key).get_shape()) for key in file.keys()}
        if name in models.AS_PUBLISHED:
            kept = {key: stored[key] for key in ("architectures", "model_type", "transformers_version")}
            stored = kept | fields
            shapes = {published(key): shape for key, shape in shapes.items()}
        golden = {"config": stored, "tensors": shapes}
        models.write_directory(folder, name, golden)
        model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    tokens = models.tokens()
    rows = np.stack([last_logits(model, tokens[:p + 1]) for p in models.POSITIONS])
    chain = tokens[:models.PROMPT]
    gaps = []
    for _ in range(models.GENERATED):
        logits = last_logits(model, chain)
        best = np.sort(logits)[-2:]
        gaps.append(float(best[1] - best[0]))
        chain.append(int(logits.argmax()))
    golden["logits"] = base64.b64encode(rows.astype("<f4").tobytes()).decode()
    golden["greedy"] = chain[models.PROMPT:]
    golden["smallest_gap"] = min(gaps)
    golden["made_with"] = f"transformers {transformers.__version__}, torch {torch.__version__}"
    (HERE / "goldens").mkdir(exist_ok=True)
    (HERE / "goldens" / f"{name}.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    distinct = len(set(golden["greedy"]))
    print(f"{name}: |logit| up to {np.abs(rows).max():.2f}, {distinct} distinct greedy tokens, smallest gap {min(gaps):.2e}")


for case in sys.argv[1:] or models.CASES:
    make(case)
