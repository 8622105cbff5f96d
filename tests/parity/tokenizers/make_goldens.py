#!/usr/bin/env python3
"""Write goldens/*.json: tiny vocabularies trained by the originals, and what the originals make of difficult strings.

Byte-level BPE by Hugging Face `tokenizers`, SentencePiece BPE by Google's `sentencepiece`. Each file holds a vocabulary
as GGUF metadata spells it and cases [text, recognise_special, ids]. src/text/golden_test.cc reads them.

    make_goldens.py            # needs requirements.txt
"""
import io
import json
import os
import random

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers

from compare import pre_tokenizer, random_strings

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = [
    "The quick brown fox jumps over the lazy dog, and doesn't stop; I'll say they're fast, aren't they?",
    "She said: 'We've seen 1234 birds in 2024!' It's 17 + 25 = 42. WE'LL SEE, IT'S FINE.",
    "def main():\n    for i in range(100):\n        print(i, i * i)\n\n\treturn 0\r\n",
    "Zażółć gęślą jaźń. Die Straße führt über die Brücke. L'été est déjà là. El niño comió piña.",
    "Москва — столица России. Ἀθῆναι ἐστὶν πόλις. 中文字符和日本語のひらがなカタカナ。한국어 문장입니다.",
    "العربية لغة جميلة ١٢٣. हिन्दी में लिखा हुआ। ไทยเป็นภาษา 🎉👩‍👩‍👧🇵🇱 ½ Ⅷ １２３",
    "What is the capital of France? Paris. What is the capital of Poland? Warsaw. Hello, hello, hello!",
]
CONTROL = ["<|im_start|>", "<|im_end|>", "<|endoftext|>"]
USER = ["<tool_call>", "    ", "étoile"]
CASES = 90


class Spellings:  # What random_strings needs of a vocabulary.
    def __init__(self, tokens, types):
        self.tokens, self.types = tokens, types


def cases(rng, tokens, types, encode, modes):
    strings = random_strings(CASES, rng, Spellings(tokens, types)) + CORPUS
    strings += ["x" * 100, " " * 50, "1" * 30, "us" * 40, "\n" * 20 + " ", "<|im_start|>system", "a<|im_|im_end|>b"]
    return [[s, special, encode(s, special)] for special in modes for s in strings]


def byte_level(pre, seed):
    """Trained with the family's own pre-tokenizer, so that merges look as its merges do."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=pre == "llama-bpe"))
    tokenizer.pre_tokenizer = pre_tokenizer(pre)
    trainer = trainers.BpeTrainer(vocab_size=520, show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(CORPUS * 3, trainer)
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in CONTROL])
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t in USER])
    model = json.loads(tokenizer.to_str())["model"]
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    tokens = [tokenizer.id_to_token(i) for i in range(tokenizer.get_vocab_size())]
    types = [3 if t in CONTROL else 4 if t in USER else 1 for t in tokens]

    def encode(text, special):
        tokenizer.encode_special_tokens = not special
        return tokenizer.encode(text, add_special_tokens=False).ids
    return {"model": "gpt2", "pre": pre, "tokens": tokens, "token_type": types, "merges": merges,
            "cases": cases(random.Random(seed), tokens, types, encode, (False, True))}


def sentence_piece(seed):
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(line for text in CORPUS * 3 for line in text.splitlines() if line.strip()),
        model_writer=trained, model_type="bpe", vocab_size=600, byte_fallback=True, character_coverage=0.98,
        normalization_rule_name="identity", remove_extra_whitespaces=False, user_defined_symbols=["<tool_call>"],
        hard_vocab_limit=False, minloglevel=2)
    proto = sentencepiece_model_pb2.ModelProto.FromString(trained.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=trained.getvalue())
    tokens, types = [p.piece for p in proto.pieces], [p.type for p in proto.pieces]
    # In a file, user-defined tokens are cut out before a space is put in front; the cases leave them to other tests.
    encode = lambda text, special: processor.encode(text)
    found = [c for c in cases(random.Random(seed), tokens, types, encode, (False,)) if "<tool_call>" not in c[0]]
    return {"model": "llama", "tokens": tokens, "token_type": types, "scores": [p.score for p in proto.pieces], "cases": found}


def main():
    os.makedirs(os.path.join(HERE, "goldens"), exist_ok=True)
    goldens = {pre: byte_level(pre, i) for i, pre in enumerate(("gpt-2", "llama-bpe", "qwen2", "smollm", "deepseek-llm"))}
    goldens["spm"] = sentence_piece(9)
    for name, golden in goldens.items():
        with open(os.path.join(HERE, "goldens", name + ".json"), "w") as f:
            f.write("{\n")
            for key in golden:
                if key != "cases":
                    f.write(f"{json.dumps(key)}: {json.dumps(golden[key])},\n")
            f.write('"cases": [\n' + ",\n".join(json.dumps(c) for c in golden["cases"]) + "\n]\n}\n")
        print(name, len(golden["tokens"]), "tokens", len(golden["cases"]), "cases")


if __name__ == "__main__":
    main()
