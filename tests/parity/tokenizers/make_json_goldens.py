#!/usr/bin/env python3
"""Write goldens/json/*.json: a tiny tokenizer.json for every kind of component, and what the original makes of strings.

All are made with Hugging Face `tokenizers`, seeded, from the sentences below. Each file holds "tokenizer" (the
tokenizer.json) and cases [text, ids with control tokens and additions, ids of plain text, text of the first ids without
and with control tokens]. src/text/json_golden_test.cc reads them.

    make_json_goldens.py
"""
import base64
import io
import json
import os
import random
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from compare_json import random_strings

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "goldens", "json")
CORPUS = [
    "The quick brown fox jumps over the lazy dog, and doesn't stop; I'll say they're fast, aren't they?",
    "She said: 'We've seen 1234 birds in 2024!' It's 17 + 25 = 42. WE'LL SEE, IT'S FINE.",
    "def main():\n    for i in range(100):\n        print(i, i * i)\n\n\treturn 0\r\n",
    "Crème brûlée, naïve café, Ångström, Größe, São Paulo; Ελλάδα, Россия, Україна, עברית, العربية, हिन्दी, ไทย",
    "中文字符和日本語のひらがな、カタカナ、한국어 한글. １２３ Ⅷ ½ ﬁne ㍿",
    "Hello world! Hello there! hello again. The the the and and of of to to in in is is it it.",
] * 4
CONTROL = [AddedToken("<s>", special=True), AddedToken("</s>", special=True), AddedToken("<unk>", special=True),
           AddedToken("<|mask|>", special=True, lstrip=True), AddedToken("<|r|>", special=True, rstrip=True)]
USER = [AddedToken("<tool>", normalized=False), AddedToken("Word", single_word=True, normalized=False),
        AddedToken("Straße", normalized=True)]
GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
TEMPLATE = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B", special_tokens=[("<s>", 0), ("</s>", 1)])


def trained(model, trainer, **parts):
    tokenizer = Tokenizer(model)
    for name, part in parts.items():
        if part is not None and name != "after":
            setattr(tokenizer, name, part)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens(USER)
    return tokenizer


def bpe(size=330, model=None, alphabet=(), **parts):
    marks = {name: parts.pop(key) for key, name in (("prefix", "continuing_subword_prefix"), ("suffix", "end_of_word_suffix"))
             if key in parts}
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, special_tokens=CONTROL, initial_alphabet=list(alphabet), **marks)
    return trained(model or models.BPE(), trainer, **parts)


def byte_bpe(pre, **parts):
    return bpe(size=380, alphabet=pre_tokenizers.ByteLevel.alphabet(), pre_tokenizer=pre, decoder=decoders.ByteLevel(), **parts)


def unigram(**parts):
    trainer = trainers.UnigramTrainer(vocab_size=200, show_progress=False, special_tokens=CONTROL, unk_token="<unk>")
    return trained(models.Unigram(), trainer, **parts)


def word_piece(**parts):
    trainer = trainers.WordPieceTrainer(vocab_size=250, show_progress=False, special_tokens=CONTROL)
    return trained(models.WordPiece(unk_token="<unk>", max_input_chars_per_word=20), trainer, **parts)


def word_level(**parts):
    trainer = trainers.WordLevelTrainer(vocab_size=120, show_progress=False, special_tokens=CONTROL)
    return trained(models.WordLevel(unk_token="<unk>"), trainer, **parts)


def with_bytes(tokenizer, **settings):
    """The same with the 256 byte tokens in the vocabulary, and settings of its model."""
    data = json.loads(tokenizer.to_str())
    vocabulary = data["model"]["vocab"]
    names = [f"<0x{b:02X}>" for b in range(256)]
    if isinstance(vocabulary, list):
        vocabulary += [[name, 0.0] for name in names]
    else:
        first = max(vocabulary.values()) + 1
        vocabulary.update({name: first + i for i, name in enumerate(names)})
        top = first + 256
        for token in data["added_tokens"]:
            if token["content"] not in vocabulary:
                token["id"], top = top, top + 1
    if isinstance(vocabulary, list):
        known = {v[0]: i for i, v in enumerate(vocabulary)}
        top = len(vocabulary)
        for token in data["added_tokens"]:
            if token["content"] not in known:
                token["id"], top = top, top + 1
    data["model"].update(settings)
    return Tokenizer.from_str(json.dumps(data))


def charsmap():
    """SentencePiece's nmt_nfkc map would be too long: a few rules of our own."""
    rules = os.path.join(tempfile.mkdtemp(), "rules.tsv")
    with open(rules, "w") as f:
        for source, target in (("\ufb01", "fi"), ("\u212b", "\u00c5"), ("\uff11", "1"), ("\uff12", "2"), ("\u3000", " "), ("\t", " "),
                               ("\u00bd", "1\u20442"), ("e\u0301", "\u00e9")):
            f.write(" ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target) + "\n")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(CORPUS * 4), model_writer=model, vocab_size=150,
                                             normalization_rule_tsv=rules, hard_vocab_limit=False, minloglevel=2)
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return proto.normalizer_spec.precompiled_charsmap


def replace_regex():
    return normalizers.Sequence([normalizers.Replace(Regex(r"\s+"), " "), normalizers.Replace("''", '"'), normalizers.Strip()])


SPACES = pre_tokenizers.Metaspace(prepend_scheme="always")


def tokenizers():
    gpt2 = lambda **kw: pre_tokenizers.ByteLevel(**{"add_prefix_space": False, **kw})
    split = lambda pattern, behavior, invert=False: pre_tokenizers.Split(pattern, behavior, invert)
    raw = gpt2(use_regex=False)
    yield "gpt2", byte_bpe(gpt2(), post_processor=processors.ByteLevel())
    yield "gpt2-prefix-roberta", byte_bpe(gpt2(add_prefix_space=True), post_processor=processors.RobertaProcessing(("</s>", 1), ("<s>", 0)))
    yield "gpt4o", byte_bpe(pre_tokenizers.Sequence([split(Regex(GPT4O), "isolated"), raw]), normalizer=normalizers.NFC())
    yield "deepseek", byte_bpe(pre_tokenizers.Sequence(
        [split(Regex(r"\p{N}{1,3}"), "isolated"), split(Regex("[一-龥぀-ゟ゠-ヿ]+"), "isolated"), split(Regex(
            r"[!-/:-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
            "removed", True), raw]), post_processor=TEMPLATE)
    yield "byte-normalizer", bpe(size=380, alphabet=pre_tokenizers.ByteLevel.alphabet(), normalizer=normalizers.ByteLevel(),
                                 decoder=decoders.ByteLevel())
    yield "byte-then-split", byte_bpe(pre_tokenizers.Sequence([gpt2(), pre_tokenizers.FixedLength(4)]))
    fallback = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    mark = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    yield "llama2", with_bytes(bpe(size=300, normalizer=mark, decoder=fallback, post_processor=TEMPLATE),
                               byte_fallback=True, fuse_unk=True, unk_token="<unk>")
    yield "gemma", with_bytes(bpe(size=300, normalizer=normalizers.Replace(" ", "▁"), pre_tokenizer=split(" ", "merged_with_previous"),
                                  decoder=decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])),
                              byte_fallback=True, fuse_unk=True, unk_token="<unk>")
    yield "bpe-unk", bpe(model=models.BPE(unk_token="<unk>"), pre_tokenizer=pre_tokenizers.Whitespace())
    yield "bpe-fuse-unk", bpe(model=models.BPE(unk_token="<unk>", fuse_unk=True), pre_tokenizer=pre_tokenizers.WhitespaceSplit(),
                              decoder=decoders.Fuse())
    yield "bpe-ignore-merges", bpe(model=models.BPE(unk_token="<unk>", ignore_merges=True), pre_tokenizer=pre_tokenizers.Whitespace())
    yield "bpe-suffix", bpe(model=models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"), suffix="</w>",
                            normalizer=normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()]),
                            pre_tokenizer=pre_tokenizers.BertPreTokenizer(), decoder=decoders.BPEDecoder("</w>"))
    yield "bpe-prefix", bpe(model=models.BPE(unk_token="<unk>", continuing_subword_prefix="##"), prefix="##",
                            normalizer=normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents()]),
                            pre_tokenizer=pre_tokenizers.Whitespace(), decoder=decoders.WordPiece())
    yield "t5", unigram(normalizer=normalizers.Precompiled(charsmap()), pre_tokenizer=SPACES, decoder=decoders.Metaspace(),
                        post_processor=processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)]))
    yield "xlm", unigram(normalizer=normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), replace_regex()]),
                         pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), SPACES]), decoder=decoders.Metaspace(),
                         post_processor=processors.RobertaProcessing(("</s>", 1), ("<s>", 0), add_prefix_space=False))
    yield "unigram-bytes", with_bytes(unigram(pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="first", split=False),
                                              decoder=decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")])),
                                      byte_fallback=True)
    yield "bert", word_piece(normalizer=normalizers.BertNormalizer(), pre_tokenizer=pre_tokenizers.BertPreTokenizer(),
                             decoder=decoders.WordPiece(), post_processor=processors.BertProcessing(("</s>", 1), ("<s>", 0)))
    yield "bert-cased", word_piece(normalizer=normalizers.BertNormalizer(lowercase=False, strip_accents=True),
                                   pre_tokenizer=pre_tokenizers.BertPreTokenizer(), decoder=decoders.WordPiece(cleanup=False))
    yield "words-punctuation", word_level(normalizer=normalizers.NFD(), pre_tokenizer=pre_tokenizers.Sequence(
        [pre_tokenizers.CharDelimiterSplit(" "), pre_tokenizers.Punctuation("merged_with_next"), pre_tokenizers.Digits(False)]))
    yield "words-digits", word_level(pre_tokenizer=pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(True), pre_tokenizers.Punctuation("contiguous"), split(Regex(r"\b"), "merged_with_previous"),
         split(" ", "contiguous")]), decoder=decoders.Sequence([decoders.Fuse(), decoders.Replace("th", "TH"), decoders.Strip("s", 2, 2)]))
    yield "ctc", word_level(pre_tokenizer=pre_tokenizers.FixedLength(1),
                            decoder=decoders.CTC(pad_token="a", word_delimiter_token="o", cleanup=True))
    yield "replace-regex", word_level(pre_tokenizer=split(Regex(r"[a-z]+|[^a-z]+"), "isolated"),
                                      decoder=decoders.Sequence([decoders.Replace(Regex("[aeiou]+"), "_"), decoders.Fuse(),
                                                                 decoders.Replace(Regex("_+"), "-")]))


def main():
    os.makedirs(HERE, exist_ok=True)
    for name, tokenizer in tokenizers():
        text = tokenizer.to_str()
        tokenizer = Tokenizer.from_str(text)
        control = {i for i, t in tokenizer.get_added_tokens_decoder().items() if t.special}
        added = [t["content"] for t in json.loads(text)["added_tokens"]]
        strings = random_strings(64, random.Random(name), sorted(tokenizer.get_vocab()), added + [" Word ", "aWord", "  <|mask|>", "<|r|>  "])
        cases = []
        for s in strings:
            tokenizer.encode_special_tokens = False
            ids = tokenizer.encode(s).ids
            tokenizer.encode_special_tokens = True
            plain = tokenizer.encode(s, add_special_tokens=False).ids
            if (control - {2}) & set(plain) or "<unk>" in s:
                continue  # The original made a control token of plain text; ingle never does.
            if not ids and name in ("bpe-suffix",):
                continue  # The original's decoder fails on no tokens.
            try:
                texts = [tokenizer.decode(ids), tokenizer.decode(ids, skip_special_tokens=False)]
            except BaseException as error:  # The original panics where there is too little to strip.
                assert "PanicException" in repr(type(error)), error
                continue
            cases.append([s, ids, plain] + texts)
        assert len(cases) >= 40, (name, len(cases))
        with open(os.path.join(HERE, name + ".json"), "w") as f:
            f.write(json.dumps({"tokenizer": json.loads(text), "cases": cases}, ensure_ascii=True, separators=(",", ":")))
        print(name, len(cases), tokenizer.get_vocab_size())


if __name__ == "__main__":
    main()
