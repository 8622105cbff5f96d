#!/usr/bin/env python3
"""Write a GGUF file with the tensor shapes and type mix of a published model and random weights.

    bench/make_model.py qwen2.5-1.5b q4_k_m -o /tmp/qwen.gguf [--layers N] [--vocab N]

How fast an engine runs does not depend on the values, so such a file stands in for the real one where none can be
downloaded. But for f16: f16_from_bf16 is as files made of weights that were published in bf16, whose half floats have
three bits of zero; ingle leaves their products out. The vocabulary holds the 256 bytes, three chat markers and numbers
up to the real size. Values are drawn so that no scale is subnormal and activations stay finite. Needs numpy and gguf
(bench/requirements.txt).
"""
import argparse
from dataclasses import dataclass, replace

import numpy as np
from gguf import GGML_QUANT_SIZES, ExpertGatingFuncType, GGMLQuantizationType as Kind, GGUFWriter, TokenType
from gguf.quants import quantize


@dataclass(frozen=True)
class Shape:
    arch: str
    layers: int
    width: int
    ffn: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    context: int
    rope_base: float
    tied: bool = True
    # A mixture of experts: how many, how many of them a token sees, their width, layers without them.
    experts: int = 0
    experts_used: int = 0
    expert_ffn: int = 0
    dense_layers: int = 0
    attention: tuple = ()  # Of models with short convolutions: the layers that have attention instead.


SHAPES = {
    "qwen2.5-0.5b": Shape("qwen2", 24, 896, 4864, 14, 2, 64, 151936, 32768, 1e6),
    "qwen2.5-1.5b": Shape("qwen2", 28, 1536, 8960, 12, 2, 128, 151936, 32768, 1e6),
    "qwen3-0.6b": Shape("qwen3", 28, 1024, 3072, 16, 8, 128, 151936, 40960, 1e6),
    "llama-3.2-1b": Shape("llama", 16, 2048, 8192, 32, 8, 64, 128256, 131072, 5e5),
    "llama-3.1-8b": Shape("llama", 32, 4096, 14336, 32, 8, 128, 128256, 131072, 5e5, False),
    "qwen3-30b-a3b": Shape("qwen3moe", 48, 2048, 6144, 32, 4, 128, 151936, 40960, 1e6, False, 128, 8, 768),
    "smollm3-3b": Shape("smollm3", 36, 2048, 11008, 16, 4, 128, 128256, 65536, 5e6),
    "lfm2-2.6b": Shape("lfm2", 30, 2048, 10752, 32, 8, 64, 65536, 128000, 1e6,
                       attention=(2, 6, 10, 14, 18, 21, 24, 27)),
    "lfm2-8b-a1b": Shape("lfm2moe", 24, 2048, 7168, 32, 8, 64, 65536, 128000, 1e6, True, 32, 4, 1792, 2,
                         (2, 6, 10, 14, 18, 21)),
}
TAPS = 3  # Of a short convolution.
# Type of most matrices, and of those that the usual mixes store with more bits.
MIXES = {
    "q4_k_m": (Kind.Q4_K, Kind.Q6_K), "q5_k_m": (Kind.Q5_K, Kind.Q6_K), "q6_k": (Kind.Q6_K, Kind.Q6_K),
    "q8_0": (Kind.Q8_0, Kind.Q8_0), "q4_0": (Kind.Q4_0, Kind.Q6_K), "q5_0": (Kind.Q5_0, Kind.Q6_K),
    "f16": (Kind.F16, Kind.F16), "f16_from_bf16": (Kind.F16, Kind.F16),
    "bf16": (Kind.BF16, Kind.BF16), "f32": (Kind.F32, Kind.F32),
}
# K-quants: block bytes, offset of the half-precision scale, code centre (0: no minimum), scale relative to sigma.
K_BLOCKS = {Kind.Q4_K: (144, 0, 7.5, 1 / 200), Kind.Q5_K: (176, 0, 15.5, 1 / 400), Kind.Q6_K: (210, 208, 0, 1 / 1200)}


class Writer:
    def __init__(self, path, shape, mix, seed):
        self.shape, self.mix, self.from_bf16 = shape, MIXES[mix], mix.endswith("_from_bf16")
        self.rng = np.random.default_rng(seed)
        self.normal = self.rng.standard_normal(1 << 22, dtype=np.float32)
        self.file = GGUFWriter(path, shape.arch)

    def take(self, count):
        """count random numbers: the drawn pool from a random start, around and around."""
        start = int(self.rng.integers(len(self.normal)))
        return np.resize(np.roll(self.normal, -start), count)

    def vector(self, name, count, mean):
        self.file.add_tensor(name, np.float32(mean) + 0.1 * self.take(count))

    def experts(self, name, rows, cols, more_bits=False):
        """All experts' matrices as one tensor; only in types of K blocks."""
        kind, count = self.mix[more_bits], self.shape.experts
        blocks = self.k_blocks(count * rows, cols, kind, 1 / np.sqrt(cols)).reshape(count, rows, -1)
        self.file.add_tensor(name, blocks, raw_dtype=kind)

    def matrix(self, name, rows, cols, more_bits=False):
        kind, sigma = stored_kind(self.mix[more_bits], cols), 1 / np.sqrt(cols)
        if kind in K_BLOCKS:
            self.file.add_tensor(name, self.k_blocks(rows, cols, kind, sigma), raw_dtype=kind)
        elif kind in (Kind.F32, Kind.F16):
            values = (self.take(rows * cols) * np.float32(sigma)).reshape(rows, cols)
            if self.from_bf16:
                values = ((values.view(np.uint32) + 0x8000) & 0xffff0000).view(np.float32)
            self.file.add_tensor(name, values.astype(np.float32 if kind == Kind.F32 else np.float16))
        else:
            values = (self.take(rows * cols) * np.float32(sigma)).reshape(rows, cols)
            self.file.add_tensor(name, quantize(values, kind), raw_dtype=kind)

    def k_blocks(self, rows, cols, kind, sigma):
        size, at, centre, relative = K_BLOCKS[kind]
        count = rows * cols // 256
        blocks = self.rng.integers(0, 256, (count, size), dtype=np.uint8)
        scale = (sigma * relative * (0.5 + self.rng.random(count))).astype(np.float16)
        blocks[:, at:at + 2] = scale.view(np.uint8).reshape(count, 2)
        if centre:
            minimum = (scale.astype(np.float32) * centre).astype(np.float16)
            blocks[:, at + 2:at + 4] = minimum.view(np.uint8).reshape(count, 2)
        return blocks.reshape(rows, -1)


class Sizer:
    """Takes what a Writer takes and adds up the bytes instead."""

    def __init__(self, shape, mix):
        self.shape, self.mix, self.bytes, self.file = shape, MIXES[mix], 0, self

    def add_tensor(self, name, values):
        self.bytes += values.nbytes

    def take(self, count):
        return np.broadcast_to(np.float32(0), count)

    def vector(self, name, count, mean):
        self.bytes += 4 * count

    def matrix(self, name, rows, cols, more_bits=False):
        block, block_bytes = GGML_QUANT_SIZES[stored_kind(self.mix[more_bits], cols)]
        self.bytes += rows * cols // block * block_bytes

    def experts(self, name, rows, cols, more_bits=False):
        self.matrix(name, self.shape.experts * rows, cols, more_bits)


def stored_kind(kind, cols):
    """K-quants need rows of whole blocks; what llama.cpp takes instead for the others."""
    if kind in K_BLOCKS and cols % 256:
        return Kind.Q8_0 if kind == Kind.Q6_K else Kind.Q5_0
    return kind


def byte_alphabet():
    """The printable character of each byte in byte-level BPE (GPT-2's table)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return [chr(b) if b in plain else chr(next(spare)) for b in range(256)]


def write_vocabulary(file, size):
    chat = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokens = byte_alphabet() + ["Ġt", "Ġa"]
    kinds = [TokenType.NORMAL] * len(tokens) + [TokenType.CONTROL] * len(chat)
    tokens += chat
    kinds += [TokenType.NORMAL] * (size - len(tokens))
    tokens += [f"Ġ{i:x}" for i in range(len(tokens), size)]  # As long as usual ones, and visible: clients wait for text.
    file.add_tokenizer_model("gpt2")
    file.add_tokenizer_pre("gpt-2")
    file.add_token_list(tokens)
    file.add_token_types(kinds)
    file.add_token_merges(["Ġ t", "Ġ a"])
    file.add_add_bos_token(False)
    file.add_bos_token_id(tokens.index("<|endoftext|>"))
    file.add_eos_token_id(tokens.index("<|im_end|>"))
    file.add_chat_template(
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")


def write_header(file, shape, name):
    file.add_name(name)
    file.add_context_length(shape.context)
    file.add_embedding_length(shape.width)
    file.add_feed_forward_length(shape.ffn)
    file.add_block_count(shape.layers)
    file.add_head_count(shape.heads)
    kv_heads = [shape.kv_heads if i in shape.attention else 0 for i in range(shape.layers)]
    file.add_head_count_kv(kv_heads if shape.attention else shape.kv_heads)
    if shape.attention:
        file.add_uint32(f"{file.arch}.shortconv.l_cache", TAPS)
    if shape.experts:
        file.add_expert_count(shape.experts)
        file.add_expert_used_count(shape.experts_used)
        file.add_expert_feed_forward_length(shape.expert_ffn)
        file.add_leading_dense_block_count(shape.dense_layers)
        sigmoid = shape.arch == "lfm2moe"
        file.add_expert_gating_func(ExpertGatingFuncType.SIGMOID if sigmoid else ExpertGatingFuncType.SOFTMAX)
    file.add_key_length(shape.head_dim)
    file.add_value_length(shape.head_dim)
    file.add_rope_dimension_count(shape.head_dim)
    file.add_rope_freq_base(shape.rope_base)
    file.add_layer_norm_rms_eps(1e-6)
    file.add_vocab_size(shape.vocab)


def write_tensors(w, s):
    w.matrix("token_embd.weight", s.vocab, s.width, more_bits=s.tied)
    if not s.tied:
        w.matrix("output.weight", s.vocab, s.width, more_bits=True)
    w.vector("token_embd_norm.weight" if s.attention else "output_norm.weight", s.width, 1)
    for i in range(s.layers):
        block = f"blk.{i}."
        # The rule of the published *_M mixes: first and last eighth, and every third layer between.
        more = i < s.layers // 8 or i >= 7 * s.layers // 8 or (i - s.layers // 8) % 3 == 2
        w.vector(block + "attn_norm.weight", s.width, 1)
        w.vector(block + "ffn_norm.weight", s.width, 1)
        if s.attention and i not in s.attention:
            write_convolution(w, s, block)
        else:
            write_attention(w, s, block, more)
        if s.experts and i >= s.dense_layers:
            write_experts(w, s, block, more)
        else:
            w.matrix(block + "ffn_gate.weight", s.ffn, s.width)
            w.matrix(block + "ffn_up.weight", s.ffn, s.width)
            w.matrix(block + "ffn_down.weight", s.width, s.ffn, more_bits=more)


def write_attention(w, s, block, more):
    queries, keys = s.heads * s.head_dim, s.kv_heads * s.head_dim
    for name, rows in (("attn_q", queries), ("attn_k", keys), ("attn_v", keys)):
        w.matrix(f"{block}{name}.weight", rows, s.width, more_bits=more and name == "attn_v")
        if s.arch == "qwen2":
            w.vector(f"{block}{name}.bias", rows, 0)
    if s.arch in ("qwen3", "qwen3moe", "lfm2", "lfm2moe"):
        w.vector(block + "attn_q_norm.weight", s.head_dim, 1)
        w.vector(block + "attn_k_norm.weight", s.head_dim, 1)
    w.matrix(block + "attn_output.weight", s.width, queries)


def write_convolution(w, s, block):
    w.matrix(block + "shortconv.in_proj.weight", 3 * s.width, s.width)
    w.file.add_tensor(block + "shortconv.conv.weight", w.take(s.width * TAPS).reshape(s.width, TAPS))
    w.matrix(block + "shortconv.out_proj.weight", s.width, s.width)


def write_experts(w, s, block, more):
    router = w.take(s.experts * s.width).reshape(s.experts, s.width) / np.float32(np.sqrt(s.width))
    w.file.add_tensor(block + "ffn_gate_inp.weight", router)
    if s.arch == "lfm2moe":
        w.vector(block + "exp_probs_b.bias", s.experts, 0)
    w.experts(block + "ffn_gate_exps.weight", s.expert_ffn, s.width)
    w.experts(block + "ffn_up_exps.weight", s.expert_ffn, s.width)
    w.experts(block + "ffn_down_exps.weight", s.width, s.expert_ffn, more_bits=more)


def shape_of(name, layers=None, vocab=None):
    shape = SHAPES[name]
    return replace(shape, layers=layers or shape.layers, vocab=vocab or shape.vocab)


def file_bytes(shape, mix):
    """About what the file will take: the tensors, and the vocabulary by rule of thumb."""
    sizer = Sizer(shape, mix)
    write_tensors(sizer, shape)
    return sizer.bytes + 30 * shape.vocab


def write_model(path, shape, mix, title, seed=1):
    writer = Writer(path, shape, mix, seed)
    write_header(writer.file, shape, title)
    write_vocabulary(writer.file, shape.vocab)
    write_tensors(writer, shape)
    writer.file.write_header_to_file()
    writer.file.write_kv_data_to_file()
    writer.file.write_tensors_to_file()
    writer.file.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices=sorted(SHAPES))
    parser.add_argument("type", choices=sorted(MIXES))
    parser.add_argument("-o", "--out", required=True)
    parser.add_argument("--layers", type=int, help="fewer layers than the published model has")
    parser.add_argument("--vocab", type=int, help="fewer tokens")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    shape = shape_of(args.shape, args.layers, args.vocab)
    write_model(args.out, shape, args.type, f"random {args.shape} {args.type}", args.seed)


if __name__ == "__main__":
    main()
