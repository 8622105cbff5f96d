#!/usr/bin/env python3
"""Write src/text/unicode_tables.inc: the character classes that the pre-tokenizers' patterns name.

The classes are asked of the original itself (the regular expression engine inside Hugging Face `tokenizers`), one code
point at a time, so that a character that a newer Unicode added splits as it does there.

    make_unicode_tables.py > ../../../src/text/unicode_tables.inc
"""
import tokenizers
from tokenizers import Regex, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
# The letters and punctuation of DeepSeek LLM's tokenizer.json, where they are spelled out.
DEEPSEEK_LETTERS = [  # As numbers: several are characters that normalisation would replace.
    (0x41, 0x5a), (0x61, 0x7a), (0xb5, 0xb5), (0xc0, 0xd6), (0xd8, 0xf6), (0xf8, 0x1ba), (0x1bc, 0x1bf),
    (0x1c4, 0x293), (0x295, 0x2af), (0x370, 0x373), (0x376, 0x376), (0x377, 0x377), (0x37b, 0x37d),
    (0x37f, 0x37f), (0x386, 0x386), (0x388, 0x38a), (0x38c, 0x38c), (0x38e, 0x3a1), (0x3a3, 0x3f5),
    (0x3f7, 0x481), (0x48a, 0x52f), (0x531, 0x556), (0x10a0, 0x10c5), (0x13a0, 0x13f5), (0x13f8, 0x13fd),
    (0x1c90, 0x1cba), (0x1cbd, 0x1cbf), (0x1d00, 0x1d2b), (0x1d6b, 0x1d77), (0x1d79, 0x1d9a), (0x1e00, 0x1f15),
    (0x1f18, 0x1f1d), (0x1f20, 0x1f45), (0x1f48, 0x1f4d), (0x1f50, 0x1f57), (0x1f59, 0x1f59), (0x1f5b, 0x1f5b),
    (0x1f5d, 0x1f5d), (0x1f5f, 0x1f7d), (0x1f80, 0x1fb4), (0x1fb6, 0x1fbc), (0x1fbe, 0x1fbe), (0x1fc2, 0x1fc4),
    (0x1fc6, 0x1fcc), (0x1fd0, 0x1fd3), (0x1fd6, 0x1fdb), (0x1fe0, 0x1fec), (0x1ff2, 0x1ff4), (0x1ff6, 0x1ffc),
    (0x2102, 0x2102), (0x2107, 0x2107), (0x210a, 0x2113), (0x2115, 0x2115), (0x2119, 0x211d), (0x2124, 0x2124),
    (0x2126, 0x2126), (0x2128, 0x2128), (0x212a, 0x212d), (0x212f, 0x2134), (0x2139, 0x2139), (0x213c, 0x213f),
    (0x2145, 0x2149), (0x214e, 0x214e), (0x2183, 0x2183), (0x2184, 0x2184), (0x2c00, 0x2c7b), (0x2c7e, 0x2ce4),
    (0x2ceb, 0x2cee), (0x2cf2, 0x2cf2), (0x2cf3, 0x2cf3), (0xa640, 0xa66d), (0xa680, 0xa69b), (0xa722, 0xa76f),
    (0xa771, 0xa787), (0xa78b, 0xa78e), (0xab70, 0xabbf), (0xfb00, 0xfb06), (0xfb13, 0xfb17), (0xff21, 0xff3a),
    (0xff41, 0xff5a), (0x10400, 0x1044f), (0x104b0, 0x104d3), (0x104d8, 0x104fb), (0x10c80, 0x10cb2),
    (0x10cc0, 0x10cf2), (0x118a0, 0x118df), (0x1e900, 0x1e943),
]
DEEPSEEK_PUNCTUATION = r"[!-/:-~！-／：-～‘-‟　-。]"
DEEPSEEK_CJK = r"[一-龥ࠀ-一가-퟿]"
CLASSES = [  # (bit, pattern); None is Rust's char::is_numeric, which splits digits.
    (1, r"\p{L}"), (2, r"\p{N}"), (4, r"\s"), (8, None), (16, r"\p{P}"),
    (32, "[" + "".join(f"\\x{{{a:x}}}-\\x{{{b:x}}}" for a, b in DEEPSEEK_LETTERS) + "]"),
    (64, DEEPSEEK_PUNCTUATION), (128, DEEPSEEK_CJK),
]


def members(pattern):
    """The code points that the pattern matches."""
    if pattern is None:
        digits = pre_tokenizers.Digits(individual_digits=True)
        return {c for c in CODE_POINTS if len(digits.pre_tokenize_str(f"a{chr(c)}a")) == 3}
    remover = pre_tokenizers.Split(Regex(pattern), "removed")
    found = set()
    for i in range(0, len(CODE_POINTS), 4096):
        block = CODE_POINTS[i:i + 4096]
        left = set("".join(word for word, _ in remover.pre_tokenize_str("".join(map(chr, block)))))
        found.update(c for c in block if chr(c) not in left)
    return found


def main():
    flags = [0] * 0x110000
    for bit, pattern in CLASSES:
        for c in members(pattern):
            flags[c] |= bit
    print(f"// Made by tests/parity/tokenizers/make_unicode_tables.py with tokenizers {tokenizers.__version__}. Do not edit.")
    print("// {first code point, CharClass bits}: holds until the next row.")
    row, last = [], None
    for c, f in enumerate(flags):
        if f != last:
            row.append(f"{{{c:#x}, {f}}},")
            last = f
            if len(row) == 8:
                print(" ".join(row))
                row = []
    print(" ".join(row))


if __name__ == "__main__":
    main()
