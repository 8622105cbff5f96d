#!/usr/bin/env python3
"""Writes src/files/testdata/int4/: one layer in each form of GPTQ and AWQ, as a directory that Hugging Face could
publish, with the float32 matrix [out, in] that it means in weight.f32.

    python3 tests/parity/quantized/make_int4_goldens.py [--torch]

Needs numpy and safetensors. --torch: unpacks the GPTQ cases with the formulas of AutoGPTQ 0.7.1 in torch, as a second
opinion. Run with safetensors 0.6, numpy 2.3."""
import argparse
import json
import pathlib

import numpy as np
from safetensors.numpy import save_file

import int4

CASES = {  # inputs, outputs, group size, symmetric, act order, form
    "gptq_sym_64": (128, 16, 64, True, False, "gptq"),
    "gptq_asym_32": (64, 16, 32, False, False, "gptq"),
    "gptq_act_order_32": (128, 8, 32, False, True, "gptq"),
    "gptq_act_order_sym_64": (128, 8, 64, True, True, "gptq"),
    "gptq_v2_asym_128": (128, 16, 128, False, False, "gptq_v2"),
    "gptq_zeros_of_0": (64, 8, 32, False, False, "gptq"),
    "gptq_whole": (96, 8, -1, False, False, "gptq"),
    "awq_64": (128, 24, 64, False, False, "awq"),
}


def config(form, group_size, act_order):
    if form == "awq":
        return {"quant_method": "awq", "bits": 4, "group_size": group_size, "version": "gemm", "zero_point": True}
    return {"quant_method": "gptq", "bits": 4, "group_size": group_size, "desc_act": act_order,
            "checkpoint_format": form}


def autogptq_weight(parts):
    """QuantLinear of auto_gptq.nn_modules.qlinear.qlinear_cuda (forward without its kernels), in torch."""
    import torch
    shifts = torch.arange(0, 32, 4, dtype=torch.int32).unsqueeze(0)
    qzeros, qweight = torch.from_numpy(parts["qzeros"]), torch.from_numpy(parts["qweight"])
    zeros = torch.bitwise_right_shift(torch.unsqueeze(qzeros, 2).expand(-1, -1, 8), shifts.unsqueeze(0)).to(torch.int8)
    zeros = torch.bitwise_and(zeros + 1, 15).reshape(parts["scales"].shape)
    weight = torch.bitwise_right_shift(torch.unsqueeze(qweight, 1).expand(-1, 8, -1), shifts.unsqueeze(-1)).to(torch.int8)
    weight = torch.bitwise_and(weight, 15).reshape(-1, weight.shape[2])
    group = torch.from_numpy(parts["g_idx"]).long()
    scales = torch.from_numpy(parts["scales"]).float()
    return (scales[group] * (weight - zeros[group])).T.numpy()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--torch", action="store_true", help="check GPTQ against AutoGPTQ's formulas in torch")
    arguments = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parents[3] / "src/files/testdata/int4"
    rng = np.random.default_rng(20261121)
    for name, (inputs, outputs, group_size, symmetric, act_order, form) in CASES.items():
        # Implementations of GPTQ's first version disagree about zeros of 0, which its packers cannot write apart:
        # one case has them, as GPTQModel reads them.
        zero_min = 1 if form == "gptq" and name != "gptq_zeros_of_0" else 0
        layer = int4.random_layer(rng, inputs, outputs, group_size, symmetric, act_order, zero_min)
        parts = int4.pack_awq(layer) if form == "awq" else int4.pack_gptq(layer, 2 if form == "gptq_v2" else 1)
        if arguments.torch and form == "gptq" and zero_min == 1:
            assert np.array_equal(autogptq_weight(parts), int4.dequantize(layer)), name
        directory = root / name
        directory.mkdir(parents=True, exist_ok=True)
        save_file({f"l.{key}": np.ascontiguousarray(value) for key, value in parts.items()},
                  directory / "model.safetensors")
        (directory / "config.json").write_text(
            json.dumps({"quantization_config": config(form, group_size, act_order)}) + "\n")
        (directory / "weight.f32").write_bytes(int4.dequantize(layer).astype("<f4").tobytes())


if __name__ == "__main__":
    main()
