#!/usr/bin/env python3
"""Write tokenizer_json_fuzz/ and regex_fuzz/: a small file for every kind of component, patterns as models have them.

    make_tokenizer_seeds.py
"""
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
ADDED = [{"id": 0, "content": "<s>", "special": True, "normalized": False, "lstrip": True, "rstrip": True, "single_word": False},
         {"id": 9, "content": "tool", "special": False, "normalized": True, "single_word": True}]
VOCAB = {"<s>": 0, "<unk>": 1, "a": 2, "b": 3, "ab": 4, "▁": 5, "▁a": 6, "##b": 7, "<0x41>": 8}
BPE = {"type": "BPE", "vocab": VOCAB, "merges": ["a b", ["▁", "a"]], "unk_token": "<unk>", "byte_fallback": True, "fuse_unk": True,
       "ignore_merges": False, "continuing_subword_prefix": None, "end_of_word_suffix": None, "dropout": None}
UNIGRAM = {"type": "Unigram", "unk_id": 1, "byte_fallback": True, "vocab": [[t, -float(i)] for t, i in VOCAB.items()]}
WORD_PIECE = {"type": "WordPiece", "vocab": VOCAB, "unk_token": "<unk>", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100}
WORD_LEVEL = {"type": "WordLevel", "vocab": VOCAB, "unk_token": "<unk>"}
PATTERNS = [r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"\d{1,3}(?=(?:\d{3})*\b)", r"[^(\s|.,!?…)]+", r"(?<=a)b|(?>a+)c++", r"[\p{Lu}&&[^\p{Han}]]*?x", r"(a|b)*c{2,3}"]
NORMALIZERS = [None, {"type": "NFC"}, {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                                       "strip_accents": None, "lowercase": True},
               {"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, {"type": "Nmt"},
                                                    {"type": "Strip", "strip_left": True, "strip_right": True},
                                                    {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
                                                    {"type": "Prepend", "prepend": "▁"},
                                                    {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}]
SPLITS = [None, {"type": "ByteLevel", "add_prefix_space": True, "use_regex": True},
          {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True},
          {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Digits", "individual_digits": True},
                                                 {"type": "Punctuation", "behavior": "Contiguous"},
                                                 {"type": "Split", "pattern": {"Regex": PATTERNS[1]}, "behavior": "Removed", "invert": True}]}]
DECODERS = [None, {"type": "ByteLevel"}, {"type": "WordPiece", "prefix": "##", "cleanup": True},
            {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
                                              {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 1}]}]
POST = [None, {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
               "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}},
        {"type": "BertProcessing", "cls": ["<s>", 0], "sep": ["<unk>", 1]}, {"type": "ByteLevel"}]


def main():
    for i, model in enumerate((BPE, UNIGRAM, WORD_PIECE, WORD_LEVEL)):
        data = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": ADDED, "normalizer": NORMALIZERS[i],
                "pre_tokenizer": SPLITS[i], "post_processor": POST[i], "decoder": DECODERS[i], "model": model}
        with open(os.path.join(HERE, "tokenizer_json_fuzz", model["type"].lower()), "wb") as f:
            f.write(json.dumps(data, ensure_ascii=i % 2 == 0).encode() + b"\0ab <s> tool b\xcc\x81 12")
    for i, pattern in enumerate(PATTERNS):
        with open(os.path.join(HERE, "regex_fuzz", f"pattern{i}"), "wb") as f:
            f.write(pattern.encode() + b"\0It's 1234567 aab\xe4\xb8\xad  \n x")


if __name__ == "__main__":
    main()
