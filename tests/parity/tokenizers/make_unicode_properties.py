#!/usr/bin/env python3
"""Write src/text/unicode_properties.inc: what the components of a tokenizer.json take each character for.

The original uses several Unicode versions at once (its regular expression engine, Rust's standard library, two old
crates), so every property is asked of the original itself, one code point at a time.

    make_unicode_properties.py > ../../../src/text/unicode_properties.inc
"""
import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
# In the order of enum GeneralCategory.
CATEGORIES = ("Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co").split()
# In the order of enum Script.
SCRIPTS = ("Latin Greek Cyrillic Armenian Hebrew Arabic Devanagari Bengali Tamil Telugu Thai Lao Tibetan Myanmar Georgian "
           "Hangul Hiragana Katakana Bopomofo Han Khmer Mongolian Yi").split()


def blocks(size=4096):
    for i in range(0, len(CODE_POINTS), size):
        yield CODE_POINTS[i:i + size]


def removed(component):
    """The code points that a pre-tokenizer or normalizer drops from a text."""
    if hasattr(component, "normalize_str"):
        left = lambda text: component.normalize_str(text)
    else:
        left = lambda text: "".join(word for word, _ in component.pre_tokenize_str(text))
    found = set()
    for block in blocks():
        kept = set(left("".join(map(chr, block))))
        found.update(c for c in block if chr(c) not in kept)
    return found


def matched(pattern):
    return removed(pre_tokenizers.Split(Regex(pattern), "removed"))


def cleaned():
    """BertNormalizer's clean_text turns white space into blanks, so what is dropped needs a closer look."""
    bert = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return {c for c in removed(bert) if bert.normalize_str("a" + chr(c) + "b") == "ab"}


def word_characters():
    whitespace = pre_tokenizers.Whitespace()
    return {c for c in CODE_POINTS if len(whitespace.pre_tokenize_str(f"a{chr(c)}a")) == 1}


def split_alone(component):
    return {c for c in CODE_POINTS if len(component.pre_tokenize_str(f"a{chr(c)}a")) == 3}


def safe_sets():
    """Per normal form, the characters that it leaves alone and that no neighbour can change."""
    forms = {name: getattr(normalizers, name)() for name in ("NFC", "NFD", "NFKC", "NFKD")}
    nfd = {c: forms["NFD"].normalize_str(chr(c)) for c in CODE_POINTS}
    # A class between 0 and 240 sorts before U+0345 (240), which itself is the only one of its class.
    moves = {c for c in CODE_POINTS if len(nfd[c]) == 1 and
             forms["NFD"].normalize_str("a\u0345" + chr(c)) != "a\u0345" + nfd[c]} | {0x345}
    follows = {ord(x) for d in nfd.values() for x in d[1:]} | set(range(0x1161, 0x1176)) | set(range(0x11A7, 0x11C3))
    safe = {}
    for name, form in forms.items():
        safe[name] = {c for c in CODE_POINTS if c not in moves and form.normalize_str(chr(c)) == chr(c) and
                      (c not in follows or not name.endswith("C"))}
    return safe


def main():
    flags = [0] * 0x110000
    for number, name in enumerate(CATEGORIES):
        for c in matched(rf"\p{{{name}}}") if name != "Cn" else ():
            flags[c] |= number
    for number, name in enumerate(SCRIPTS):
        for c in matched(rf"\p{{{name}}}"):
            flags[c] |= (number + 1) << 5
    safe = safe_sets()
    sets = [
        matched(r"\w"), matched(r"\s"), word_characters(), removed(pre_tokenizers.WhitespaceSplit()),
        split_alone(pre_tokenizers.Digits(individual_digits=True)), split_alone(pre_tokenizers.Punctuation()), cleaned(),
        removed(normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False))
        & safe_marks(), removed(normalizers.StripAccents()), safe["NFC"], safe["NFD"], safe["NFKC"], safe["NFKD"],
    ]
    for bit, members in enumerate(sets):
        for c in members:
            flags[c] |= 1 << (10 + bit)
    print(f"// Made by tests/parity/tokenizers/make_unicode_properties.py with tokenizers {tokenizers.__version__}. Do not edit.")
    print("#ifdef INGLE_PROPERTY_RANGES")
    print("// {first code point, category | script << 5 | CharProperty bits}: holds until the next row.")
    emit(f"{{{c:#x}, {f:#x}}}," for c, f in enumerate(flags) if c == 0 or f != flags[c - 1])
    print("#endif")
    print("#ifdef INGLE_LOWERCASE")
    print("// {first, last, step, what is added}")
    emit(lowercase_rows())
    print("#endif")


def safe_marks():
    """Characters that NFD leaves alone: only they can be seen to be dropped by strip_accents."""
    nfd = normalizers.NFD()
    return {c for c in CODE_POINTS if nfd.normalize_str(chr(c)) == chr(c)}


def lowercase_rows():
    lower = normalizers.Lowercase()
    pairs = []
    for c in CODE_POINTS:
        low = lower.normalize_str(chr(c))
        if low != chr(c) and len(low) == 1:
            pairs.append((c, ord(low) - c))
        elif len(low) != 1:
            assert c == 0x130, hex(c)  # unicode_properties.cc knows it.
    rows = []
    for c, delta in pairs:
        row = rows[-1] if rows else None
        if row and row[3] == delta and (c - row[1] in (1, 2) if row[2] == 0 else c - row[1] == row[2]):
            row[2] = c - row[1]
            row[1] = c
        else:
            rows.append([c, c, 0, delta])
    return (f"{{{a:#x}, {b:#x}, {step or 1}, {delta}}}," for a, b, step, delta in rows)


def emit(cells):
    row = []
    for cell in cells:
        row.append(cell)
        if len(row) == 6:
            print(" ".join(row))
            row = []
    print(" ".join(row))


if __name__ == "__main__":
    main()
