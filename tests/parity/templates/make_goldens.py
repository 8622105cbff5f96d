#!/usr/bin/env python3
"""Writes goldens.json: our own templates (cases.txt and seeded random ones) rendered by Python's jinja2.

Made with Python 3.11, jinja2 3.1.6 (pip install jinja2==3.1.6): python make_goldens.py
"""
import json
import pathlib
import random

from differential import INCOMPARABLE, U, Generator
from reference import render
from snippets import NOT_HERE, families

HERE = pathlib.Path(__file__).parent
RANDOM_CASES = 400
FAMILY_CASES = 130  # Of each family of snippets.py.


def main():
    variables = {"u": U, "m": [{"content": "c", "n": 1}], "messages": [{"role": "user", "content": "hi <there>"}]}
    written = (HERE / "cases.txt").read_text(encoding="utf-8").split("\n====\n")
    cases = []

    def add(template, keep_errors):
        request = {"template": template, "messages": variables["messages"], "now": 1763673000, "variables": variables}
        answer = render(request)
        if INCOMPARABLE.search(answer.get("text", "") + answer.get("error", "")) or ("error" in answer and not keep_errors):
            return False
        cases.append({"template": template, **answer})
        return True

    for template in written:
        add(template, True)
    generator, kept = Generator(random.Random(7)), 0
    while kept < RANDOM_CASES:
        kept += add(generator.template(), kept % 8 == 0)
    for family in families().values():
        rng = random.Random(11)
        candidates = [template for template in family(rng) if not NOT_HERE.search(template)]
        rng.shuffle(candidates)
        kept = refused = 0
        for template in candidates:
            if kept < FAMILY_CASES and add(template, refused < FAMILY_CASES // 4):
                kept += 1
                refused += "error" in cases[-1]
    text = json.dumps({"variables": variables, "cases": cases}, ensure_ascii=True, indent=0)
    (HERE / "goldens.json").write_text(text + "\n", encoding="utf-8")
    print(len(cases), "cases,", sum("error" in case for case in cases), "refused")


if __name__ == "__main__":
    main()
