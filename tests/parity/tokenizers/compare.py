#!/usr/bin/env python3
"""Compare ingle's tokenizers with the originals on random Unicode strings and on the published test pairs.

    compare.py --bulk BUILD/src/text/bulk_encode --node DIR [--strings 100000] [--seed 1] VOCAB.gguf ...
    compare.py ... --pre smollm GPT2_VOCAB.gguf     # the same tokens with another pre-tokenizer

DIR holds node_modules with node-llama-cpp (`npm install node-llama-cpp`). Each vocabulary is compared with
  hf      Hugging Face `tokenizers`, built from the tokens and merges of the file (byte-level BPE)
  spm     Google's sentencepiece, built from the tokens and scores of the file (SentencePiece BPE)
  llama   llama.cpp
and, where VOCAB.gguf.inp and .out lie beside it, with those. Exits with 1 when hf, spm or a published pair differs.
Differences from llama.cpp are shown but do not fail, because three are known and in each hf or spm is the original:
  - characters of a Unicode version newer than llama.cpp's tables (with --assigned there are none)
  - it takes the user-defined <|fim_...|>, <|repo_name|>, <|file_sep|> of Qwen for control tokens
  - its DeepSeek pattern does not know U+3000 as punctuation after a space
"""
import argparse
import os
import random
import struct
import subprocess
import sys
import tempfile
import unicodedata

import sentencepiece
from gguf import GGUFReader, GGUFWriter
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from make_unicode_tables import DEEPSEEK_CJK, DEEPSEEK_LETTERS, DEEPSEEK_PUNCTUATION  # noqa: E402

GPT4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,%d}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
        r"\s*[\r\n]+|\s+(?!\S)|\s+")
LETTERS = "[" + "".join(f"\\x{{{a:x}}}-\\x{{{b:x}}}" for a, b in DEEPSEEK_LETTERS) + "]"


def pre_tokenizer(name):
    """As in the tokenizer.json of the model family."""
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    split = lambda pattern: pre_tokenizers.Split(Regex(pattern), "isolated")
    digits = pre_tokenizers.Digits(individual_digits=True)
    parts = {
        "gpt-2": [gpt2],
        "smollm": [digits, gpt2],
        "llama-bpe": [split(GPT4 % 3), byte_level],
        "qwen2": [split(GPT4 % 1), byte_level],
        "deepseek-llm": [split("[\r\n]"), split(r"\s?" + LETTERS + "+"), split(r"\s?" + DEEPSEEK_PUNCTUATION + "+"),
                         split(r"\s+$"), split(DEEPSEEK_CJK + "+"), digits, byte_level],
    }[name]
    return pre_tokenizers.Sequence(parts)


class Vocabulary:
    def __init__(self, path):
        self.path = path
        fields = GGUFReader(path).fields
        get = lambda key, default=None: fields[f"tokenizer.ggml.{key}"].contents() if f"tokenizer.ggml.{key}" in fields else default
        self.model, self.pre = get("model"), get("pre")
        self.tokens, self.types = get("tokens"), get("token_type")
        self.scores, self.merges = get("scores"), get("merges")


def hf_reference(v):
    merges = [tuple(m.split(" ", 1)) for m in v.merges]
    vocabulary = {t: i for i, t in enumerate(v.tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=v.pre == "llama-bpe"))
    tokenizer.pre_tokenizer = pre_tokenizer(v.pre)
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t, k in zip(v.tokens, v.types) if k == 3])
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t, k in zip(v.tokens, v.types) if k == 4])

    def encode(strings, special):
        tokenizer.encode_special_tokens = not special
        return [e.ids for e in tokenizer.encode_batch(strings, add_special_tokens=False)]
    return encode


def spm_reference(v):
    proto = sentencepiece_model_pb2.ModelProto()
    for token, score, kind in zip(v.tokens, v.scores, v.types):
        proto.pieces.add(piece=token, score=score, type=kind)
    proto.trainer_spec.model_type = 2  # BPE
    proto.trainer_spec.byte_fallback = True
    proto.normalizer_spec.name = "identity"
    proto.normalizer_spec.add_dummy_prefix = True
    proto.normalizer_spec.remove_extra_whitespaces = False
    processor = sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())
    return lambda strings, special: [processor.encode(s) if s else [] for s in strings]


def with_pre(v, pre, path):
    """Writes the vocabulary to `path` with another pre-tokenizer."""
    w = GGUFWriter(path, "gpt2")
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre(pre)
    w.add_token_list(v.tokens)
    w.add_token_types(v.types)
    w.add_token_merges(v.merges)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.close()


def stream_reference(command):
    def encode(strings, special):
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout:
            for s in strings:
                raw = s.encode()
                stdin.write(struct.pack("<I", len(raw)) + raw)
            stdin.seek(0)
            subprocess.run(command + (["--special"] if special else []), stdin=stdin, stdout=stdout, check=True)
            stdout.seek(0)
            data = stdout.read()
        out, at = [], 0
        while at < len(data):
            n = struct.unpack_from("<I", data, at)[0]
            out.append(list(struct.unpack_from(f"<{n}i", data, at + 4)))
            at += 4 + 4 * n
        return out
    return encode


def random_strings(count, rng, v, assigned=False):
    """Characters of every kind, in runs as text has them, and pieces of the vocabulary and its special tokens."""
    special = [t for t, k in zip(v.tokens, v.types) if k in (2, 3, 4)]
    fixed = [" ", "  ", "   ", "\n", "\r\n", "\n\n", "\t", "'s", "'S", "'ll", "'RE", "'ſ", "1", "23", "4567", "x" * 40, "’", "\u00a0",
             "\u3000", "\u2028", "\u200d", "\ufe0f", "e\u0301", "👩‍👩‍👧", "中文字", "ひらがな", "한국어", "العربية", "हिन्दी",
             "ไทย", "Ἀθῆναι", "...", "!?", "\u0000", "\ufeff", "\x1c", "\x85", "½", "Ⅷ", "٣٤", "１２"]
    blocks = [(0x20, 0x7f), (0xa0, 0x250), (0x370, 0x530), (0x530, 0x800), (0x800, 0x1100), (0x1100, 0x2000), (0x2000, 0x2c00),
              (0x2c00, 0x3000), (0x3000, 0x3200), (0x4e00, 0xa000), (0xa000, 0xd800), (0xe000, 0x10000), (0x10000, 0x11000), (0x11000, 0x20000),
              (0x1f300, 0x1fb00), (0x20000, 0x32000), (0, 0xd800), (0xe000, 0x110000)]

    def piece():
        kind = rng.random()
        if kind < 0.3:
            return rng.choice(fixed)
        if kind < 0.4:
            return v.tokens[rng.randrange(len(v.tokens))].replace("Ġ", " ").replace("▁", " ").replace("Ċ", "\n")
        if kind < 0.43 and special:
            return rng.choice(special)
        low, high = rng.choice(blocks)
        drawn = (chr(rng.randrange(low, high)) for _ in range(rng.randint(1, 6)))
        return "".join(c for c in drawn if not assigned or unicodedata.category(c) != "Cn")

    return ["".join(piece() for _ in range(rng.randint(0, 12))) for _ in range(count)]


def published_pairs(path):
    if not os.path.exists(path + ".inp"):
        return []
    inputs = open(path + ".inp", encoding="utf-8", newline="").read().split("\n__ggml_vocab_test__\n")
    outputs = open(path + ".out").read().splitlines()
    return list(zip(inputs, ([int(i) for i in line.split()] for line in outputs)))


def compare(path, args):
    v = Vocabulary(path)
    if args.pre:
        path = os.path.join(tempfile.mkdtemp(), args.pre + ".gguf")
        with_pre(v, args.pre, path)
        v = Vocabulary(path)
    ours = stream_reference([args.bulk, path])
    rng = random.Random(args.seed)
    pairs = published_pairs(path)
    wrong_pairs = sum(a != b for a, (_, b) in zip(ours([p[0] for p in pairs], False), pairs))
    print(f"{os.path.basename(path)}: {len(pairs)} published pairs, {wrong_pairs} differ", flush=True)
    strings = random_strings(args.strings, rng, v, args.assigned)
    if os.path.exists(path + ".inp"):
        strings += [p[0] for p in pairs]
    original = None
    if v.model != "gpt2":
        original = spm_reference(v)
    elif v.pre != "default":
        original = hf_reference(v)
    failed = wrong_pairs
    for special in (False, True) if v.model == "gpt2" else (False,):
        mine = ours(strings, special)
        theirs = original(strings, special) if original else [None] * len(strings)  # "default" is llama.cpp's only.
        bad = [i for i, s in enumerate(strings) if original and mine[i] != theirs[i]]
        if original:
            name = "hf" if v.model == "gpt2" else "spm"
            print(f"  {name} special={special}: {len(strings)} strings, {len(bad)} differ", flush=True)
        for i in bad[:args.show]:
            print("   ", ascii(strings[i]), "\n      ours", mine[i], "\n      ref ", theirs[i])
        failed += len(bad)
        if args.node:
            os.environ["NODE_PATH"] = args.node
            script = os.path.join(args.node, "llama_encode.mjs")
            with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "llama_encode.mjs")) as f:
                open(script, "w").write(f.read())  # Beside node_modules, where modules are found.
            node = os.path.join(args.node, "node_modules", "node", "bin", "node")
            llama = stream_reference([node if os.path.exists(node) else "node", script, path])(strings, special)
            bad = [i for i, s in enumerate(strings) if mine[i] != llama[i]]
            unexplained = [i for i in bad if mine[i] != theirs[i]]
            print(f"  llama special={special}: {len(bad)} differ, {len(unexplained)} of them also from the original", flush=True)
            for i in bad[:args.show]:
                print("   ", ascii(strings[i]), "\n      ours ", mine[i], "\n      llama", llama[i])
    return failed


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bulk", required=True)
    p.add_argument("--node", default="")
    p.add_argument("--strings", type=int, default=100000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--pre", default="")
    p.add_argument("--assigned", action="store_true", help="only characters that this Python's Unicode knows")
    p.add_argument("--show", type=int, default=3)
    p.add_argument("vocabularies", nargs="+")
    args = p.parse_args()
    sys.exit(1 if sum(compare(path, args) for path in args.vocabularies) else 0)


if __name__ == "__main__":
    main()
