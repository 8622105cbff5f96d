"""Tiny models of every architecture, whose every weight follows from its name: so goldens of their logits need no model files.

`CASES` says what each is (a transformers config); `write_directory` writes one as Hugging Face publishes it, from the
names and shapes in its golden. Needs numpy only."""
import json
import pathlib
import struct

import numpy as np

VOCAB = 272  # 3 specials, 256 bytes and some words: what a SentencePiece vocabulary needs at least.
CONTEXT = 512
SPACE = "\u2581"
TOKENS = 300  # Past one split of 256 keys.
POSITIONS = [0, 1, 2, 7, 8, 16, 17, 31, 32, 63, 64, 65, 100, 255, 256, 299]
PROMPT, GENERATED = 24, 32
# LongRoPE changes its frequencies at this length: before and after it are both compared.
SMALL = dict(vocab_size=VOCAB, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=CONTEXT, bos_token_id=1, eos_token_id=2, pad_token_id=0)
ROPE = dict(rope_type="default", rope_theta=10000.0)


def with_rope(**rope):
    return {"rope_parameters": {**ROPE, **rope}}


LONG_ROPE = with_rope(rope_type="longrope", short_factor=[1.0 + 0.1 * i for i in range(6)],
                      long_factor=[1.0 + 0.7 * i for i in range(6)], original_max_position_embeddings=128,
                      partial_rotary_factor=0.75)
# As google/gemma-3-4b-it publishes its config.json: what is the class's default is left out.
MULTIMODAL = dict(
    text_config=dict(vocab_size=VOCAB, hidden_size=72, intermediate_size=64, num_hidden_layers=7, num_attention_heads=4,
                     num_key_value_heads=2, head_dim=16, query_pre_attn_scalar=16, sliding_window=21,
                     max_position_embeddings=CONTEXT, model_type="gemma3_text",
                     rope_scaling=dict(factor=8.0, rope_type="linear")),
    vision_config=dict(model_type="siglip_vision_model", hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                       num_attention_heads=2, image_size=28, patch_size=14),
    mm_tokens_per_image=4, boi_token_index=250, eoi_token_index=251, image_token_index=252, eos_token_id=2, bos_token_id=1,
    pad_token_id=0)
# Cases whose config.json is these fields, instead of all that transformers writes.
AS_PUBLISHED = {"gemma3-multimodal"}
# name: class, config. The class's config class is found by transformers.
CASES = {
    "llama": ("LlamaForCausalLM", SMALL | dict(tie_word_embeddings=False)),
    "llama-tied": ("LlamaForCausalLM", SMALL | dict(tie_word_embeddings=True, head_dim=32)),
    "llama3": ("LlamaForCausalLM", SMALL | with_rope(rope_type="llama3", rope_theta=500.0, factor=8.0, low_freq_factor=1.0,
                                                     high_freq_factor=4.0, original_max_position_embeddings=128)),
    "llama-linear": ("LlamaForCausalLM", SMALL | with_rope(rope_type="linear", factor=4.0)),
    "llama-biases": ("LlamaForCausalLM", SMALL | dict(attention_bias=True, mlp_bias=True)),
    "mistral": ("MistralForCausalLM", SMALL | dict(sliding_window=21)),
    "qwen2": ("Qwen2ForCausalLM", SMALL | dict(tie_word_embeddings=True)),
    "qwen2-yarn": ("Qwen2ForCausalLM", SMALL | with_rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=128)),
    "qwen2-window": ("Qwen2ForCausalLM", SMALL | dict(use_sliding_window=True, sliding_window=40, max_window_layers=1)),
    "qwen3": ("Qwen3ForCausalLM", SMALL | dict(head_dim=32)),
    "qwen3-biases": ("Qwen3ForCausalLM", SMALL | dict(head_dim=32, attention_bias=True)),
    "qwen3moe": ("Qwen3MoeForCausalLM", SMALL | dict(head_dim=16, num_experts=8, num_experts_per_tok=3,
                                                     moe_intermediate_size=32, norm_topk_prob=True, decoder_sparse_step=1)),
    "smollm3": ("SmolLM3ForCausalLM", SMALL | dict(num_hidden_layers=4)),
    "smollm3-biases": ("SmolLM3ForCausalLM", SMALL | dict(num_hidden_layers=4, attention_bias=True, mlp_bias=True)),
    "gpt2": ("GPT2LMHeadModel", dict(vocab_size=VOCAB, n_positions=CONTEXT, n_embd=64, n_layer=3, n_head=4, bos_token_id=1,
                                     eos_token_id=2)),
    "gemma2": ("Gemma2ForCausalLM", SMALL | dict(hidden_size=72, head_dim=16, sliding_window=21, query_pre_attn_scalar=16)),
    "gemma3": ("Gemma3ForCausalLM", SMALL | dict(hidden_size=72, num_hidden_layers=7, intermediate_size=64, head_dim=16,
                                                 sliding_window=21, query_pre_attn_scalar=16)),
    "gemma3-multimodal": ("Gemma3ForConditionalGeneration", MULTIMODAL),
    "phi3": ("Phi3ForCausalLM", SMALL | dict(sliding_window=None)),
    "phi3-window": ("Phi3ForCausalLM", SMALL | dict(sliding_window=37, tie_word_embeddings=True)),
    "phi3-longrope": ("Phi3ForCausalLM", SMALL | LONG_ROPE | dict(original_max_position_embeddings=128)),
    "lfm2": ("Lfm2ForCausalLM", SMALL | dict(num_hidden_layers=4, conv_L_cache=3, block_auto_adjust_ff_dim=True,
                                             block_multiple_of=32, layer_types=["conv", "full_attention", "conv", "conv"])),
    "lfm2moe": ("Lfm2MoeForCausalLM", SMALL | dict(num_hidden_layers=4, num_dense_layers=1, num_experts=8,
                                                   num_experts_per_tok=2, moe_intermediate_size=32,
                                                   layer_types=["conv", "full_attention", "conv", "full_attention"])),
}


def stream(name, count):
    """SplitMix64 of a name's FNV hash, as numbers in [-1, 1)."""
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = ((key ^ byte) * 0x100000001B3) & (2**64 - 1)
    with np.errstate(over="ignore"):
        z = np.uint64(key) + (np.arange(count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1.0


def weights(name, shape):
    """Of the tensor `name`: spread so that every part of a model changes its logits."""
    values = stream(name, int(np.prod(shape)))
    if len(shape) == 1:
        minus_one = "gemma" in name.split(":")[0]
        is_norm = name.endswith("weight")
        values = values * 0.3 + (1.0 if is_norm and not minus_one else 0.0)
    elif "embed" in name or ".wte." in name or ".wpe." in name:
        values *= 0.2  # Small, so that a tied head does not just repeat the last token.
    elif ".conv.conv." in name:
        values *= 0.8
    else:
        values *= np.sqrt(3.0 / shape[-1])
    return values.reshape(shape).astype(np.float32)


def state(case, tensors):
    return {name: weights(f"{case.split('-')[0]}:{name}", shape) for name, shape in tensors.items()}


def tokens(count=TOKENS):
    return [int(3 + (word + 1) / 2 * (VOCAB - 3)) for word in stream("tokens", count)]


def to_bf16(values):
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def write_safetensors(path, tensors, dtype="F32"):
    """tensors: name -> float32 array; dtype: what they are stored as."""
    encode = {"F32": lambda a: a.astype("<f4"), "F16": lambda a: a.astype("<f2"), "BF16": to_bf16}[dtype]
    header, blobs, at = {}, [], 0
    for name, values in tensors.items():
        blob = encode(values).tobytes()
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def tokenizer_json():
    """The vocabulary of every model here: bytes and a few words that nothing merges; white space as in Llama 2."""
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)] + [f"t{i}" for i in range(VOCAB - 259)]
    special = [dict(id=i, content=pieces[i], single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
               for i in range(3)]
    normalizer = dict(type="Sequence", normalizers=[dict(type="Prepend", prepend=SPACE),
                                                     dict(type="Replace", pattern=dict(String=" "), content=SPACE)])
    decoders = [dict(type="Replace", pattern=dict(String=SPACE), content=" "), dict(type="ByteFallback"), dict(type="Fuse"),
                dict(type="Strip", content=" ", start=1, stop=0)]
    return dict(version="1.0", truncation=None, padding=None, added_tokens=special, normalizer=normalizer, pre_tokenizer=None,
                post_processor=None, decoder=dict(type="Sequence", decoders=decoders),
                model=dict(type="BPE", dropout=None, unk_token="<unk>", continuing_subword_prefix=None,
                           end_of_word_suffix=None, fuse_unk=False, byte_fallback=True, ignore_merges=False,
                           vocab={piece: i for i, piece in enumerate(pieces)}, merges=[]))


def write_directory(folder, case, golden, dtype="F32"):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(golden["config"]))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer_json()))
    write_safetensors(folder / "model.safetensors", state(case, golden["tensors"]), dtype)
    return folder
