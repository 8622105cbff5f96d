#!/usr/bin/env python3
"""Writes goldens.json: our own templates (cases.txt and seeded random ones) rendered by Python's jinja2.

Made with Python 3.11, jinja2 3.1.6 (pip install jinja2==3.1.6): python make_goldens.py
"""
import json
import pathlib
import random

from differential import INCOMPARABLE, U, Generator
from reference import render

HERE = pathlib.Path(__file__).parent
RANDOM_CASES = 400


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
    text = json.dumps({"variables": variables, "cases": cases}, ensure_ascii=True, indent=0)
    (HERE / "goldens.json").write_text(text + "\n", encoding="utf-8")
    print(len(cases), "cases,", sum("error" in case for case in cases), "refused")


if __name__ == "__main__":
    main()
