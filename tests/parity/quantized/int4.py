"""Packs matrices as GPTQ (AutoGPTQ, GPTQModel) and AWQ (AutoAWQ, version gemm) publish them. numpy only.

A layer is codes q [in, out], zeros z [groups, out] (0 to 15), scales s [groups, out] (float16) and the group of each
input; its weight is s[group[k], o] * (q[k, o] - z[group[k], o])."""
import numpy as np

AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]  # Bits 4i of a word hold this one of its eight columns.


def words_of(nibbles):
    """[..., 8] numbers below 16 -> int32 with number i in bits 4i."""
    word = np.zeros(nibbles.shape[:-1], dtype=np.uint32)
    for i in range(8):
        word |= nibbles[..., i].astype(np.uint32) << np.uint32(4 * i)
    return word.view(np.int32)


def pack_gptq(layer, version=1):
    q, z = layer["codes"], layer["zeros"]
    inputs, outputs = q.shape
    zeros = words_of(z.reshape(len(z), outputs // 8, 8)).view(np.uint32)
    if version == 1:  # Each zero less one: of the whole word, as GPTQModel converts between the versions.
        zeros = zeros - np.uint32(0x11111111)
    return {"qweight": words_of(q.reshape(inputs // 8, 8, outputs).transpose(0, 2, 1)),
            "qzeros": zeros.view(np.int32),
            "scales": layer["scales"], "g_idx": layer["group"].astype(np.int32)}


def pack_awq(layer):
    q, z = layer["codes"], layer["zeros"]
    inputs, outputs = q.shape
    return {"qweight": words_of(q.reshape(inputs, outputs // 8, 8)[:, :, AWQ_ORDER]),
            "qzeros": words_of(z.reshape(len(z), outputs // 8, 8)[:, :, AWQ_ORDER]),
            "scales": layer["scales"]}


def dequantize(layer):
    """float32 [out, in]; exact."""
    group = layer["group"]
    values = layer["scales"].astype(np.float32)[group] * (layer["codes"].astype(np.float32) - layer["zeros"][group])
    return np.ascontiguousarray(values.T)


def random_layer(rng, inputs, outputs, group_size, symmetric, act_order, zero_min=0):
    size = inputs if group_size == -1 else group_size
    groups = inputs // size
    group = np.arange(inputs) // size
    if act_order:
        group = group[rng.permutation(inputs)]
    zeros = np.full((groups, outputs), 8) if symmetric else rng.integers(zero_min, 16, (groups, outputs))
    scales = (rng.uniform(0.5, 1.5, (groups, outputs)) * 0.02).astype(np.float16)
    return {"codes": rng.integers(0, 16, (inputs, outputs)), "zeros": zeros, "scales": scales, "group": group}


def round_to_int4(weight, group_size, symmetric, act_order, rng):
    """A float matrix [out, in] as a layer: nearest codes, without any calibration."""
    outputs, inputs = weight.shape
    size = inputs if group_size == -1 else group_size
    group = np.arange(inputs) // size
    if act_order:
        group = group[rng.permutation(inputs)]
    columns = weight.T.astype(np.float64)  # [in, out]
    groups = inputs // size
    scales, zeros = np.zeros((groups, outputs)), np.zeros((groups, outputs), dtype=np.int64)
    for g in range(groups):
        part = columns[group == g]
        if symmetric:
            scales[g], zeros[g] = np.abs(part).max(axis=0) / 7.5, 8
        else:
            low, high = np.minimum(part.min(axis=0), 0), np.maximum(part.max(axis=0), 0)
            scales[g] = (high - low) / 15
            zeros[g] = np.clip(np.rint(-low / np.maximum(scales[g], 1e-8)), 0, 15)
    scales = np.maximum(scales, 1e-4).astype(np.float16)
    codes = np.clip(np.rint(columns / scales.astype(np.float64)[group]) + zeros[group], 0, 15).astype(np.int64)
    return {"codes": codes, "zeros": zeros, "scales": scales, "group": group}
