#!/usr/bin/env python3
"""Random templates against Python's jinja2: expressions, filters, methods, statements.

usage: differential.py RENDER_TEMPLATE [--seconds 60] [--seed 1]
"""
import argparse
import json
import random
import re
import subprocess
import sys
import time

from reference import render

VALUES = ["none", "true", "false", "0", "1", "-3", "7", "2**70", "10**20", "1.5", "-0.0", "1e16", "1e-5", "123456.789", "0.1",
          "''", "'a'", "'Hello World'", "'  x y \\n'", "'a,b,c'", "'ÄÖü ß'", "'naïve\\tß'", "'12'", "' -4.5 '", "'0x1f'", "'<b>&\"'",
          "'a\\nb\\n\\nc'", "'aXbXc'", "'\\U0001f600é'", "'it''s'", '"it\'s"', "'%s %d'", "'{} {a}'", "[]", "[1, 2, 3]", "['b', 'A', 'c']",
          "[[1, 2], [3, 4]]", "[1, 'a', none]", "(1,)", "(1, 2)", "{}", "{'a': 1, 'b': 2}", "{'x': {'y': [1]}, 'items': 5}",
          "{1: 'one', 'k': none}", "range(4)", "range(5, 0, -2)", "nothing", "nothing.x", "u.name", "u.list", "u.nested", "u.text",
          "u.number", "u.items", "u['items']", "m", "m[0]", "m[0].content", "[{'n': 2, 's': 'b'}, {'n': 1, 's': 'A'}]", "'a'|safe",
          "'<i>'|e", "ns", "ns.x", "'ǆ ﬁ ΑΣ'", "'ab' * 3", "[0] * 2"]
BINARY = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
FILTERS = ["abs", "attr('upper')", "attr('name')", "batch(2)|list", "batch(2, 0)|list", "capitalize", "center(9)", "count", "d('D')",
           "default('D', true)", "dictsort", "dictsort(true, 'value')", "dictsort(reverse=true)", "e", "escape", "filesizeformat",
           "filesizeformat(true)", "first", "float", "float(2.5)", "forceescape", "format(1, 'x')", "format(a=1)",
           "groupby('n')", "groupby('s')|map('list')|list", "indent", "indent(2, true)", "indent('> ', blank=true)", "int", "int(9)",
           "int(0, 16)", "items|list", "join", "join(', ')", "join('-', attribute='n')", "last", "length", "list", "lower",
           "map('upper')|list", "map(attribute='n')|list", "map(attribute='z', default='-')|list", "map('int')|sum", "max", "min", "max(attribute='n')",
           "reject|list", "reject('string')|list", "rejectattr('n')|list", "replace('a', 'b')", "replace('', '-')", "replace('b', 'x', 1)",
           "reverse|list", "round", "round(1)", "round(2, 'floor')", "round(0, 'ceil')", "round(-1)", "safe", "select|list", "select('odd')|list", "select('in', [1, 'a'])|list",
           "selectattr('n', 'gt', 1)|list", "selectattr('s', 'equalto', 'A')|list", "slice(2)|list", "slice(3, 'f')|list", "sort",
           "sort(reverse=true)", "sort(case_sensitive=true)", "sort(attribute='n')", "sort(attribute='s,n')", "string", "striptags",
           "sum", "sum(attribute='n')", "sum(start=10)", "title", "tojson", "tojson(indent=2)", "tojson(sort_keys=true)", "tojson(ensure_ascii=true)",
           "tojson(separators=(',', ':'))", "trim", "trim('a ')", "truncate(5)", "truncate(5, true, '!', 0)", "unique|list", "unique(true)|list", "upper", "urlencode",
           "wordcount", "tojson(indent='  ')", "pprint", "nofilter", "length()", "trim(chars=none)"]
TESTS = ["defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping", "sequence",
         "iterable", "callable", "odd", "even", "divisibleby 3", "in [1, 'a']", "eq 1", "sameas true", "sameas none", "lower", "upper", "escaped",
         "gt 1", "lessthan(2)", "filter", "test", "ne('a')", "equalto 'a'"]
ATTRIBUTES = [".x", ".name", ".items()", ".keys()|list", ".values()|list", ".get('a')", ".get('q', 'Q')", "['a']", "['items']", "[0]", "[-1]", "[99]", "[1:]",
              "[:-1]", "[::-1]", "[::2]", "[-2:]", "[1:2:0]", "[none:1]", "['x']['y']", ".upper()", ".strip()", ".split()", ".split(',')", ".split('X', 1)", ".rsplit(' ', 1)",
              ".splitlines()", ".startswith('a')", ".endswith(('c', '\\n'))", ".replace('a', 'Z')", ".lstrip()", ".rstrip('\\n')", ".title()", ".join(['p', 'q'])",
              ".find('b')", ".index('b')", ".count('a')", ".zfill(6)", ".center(11, '*')", ".partition(',')", ".rpartition('X')", ".isdigit()", ".isalpha()", ".islower()", ".isupper()", ".istitle()", ".isspace()",
              ".isalnum()", ".format(1, a=2)", ".append(1)", ".append", ".pop", ".update({})", ".__class__", ".__len__()", "._x", ".count(1)", ".index(2)", ".copy()", ".swapcase()", ".casefold()",
              ".removeprefix('a')", ".removesuffix('c')", ".expandtabs(4)", ".capitalize()", ".lower()", ".ljust(5, '.')", ".rjust(5)", ".isidentifier()", ".real", ".bit_length()", ".0", ".isascii()", "[true]", "[1.0]", "['0']"]
FORMATS = ["'%s'", "'%r'", "'%5s|%-5s'", "'%d'", "'%05d'", "'%+.2f'", "'%x'", "'%e'", "'%g'", "'%%'", "'%(a)s'", "'%.1s'", "'%c'", "'%5.1f%%'"]
BRACES = ["{}", "{0}", "{:>8}", "{:<8}|", "{:^9}", "{:*^9}", "{:08.3f}", "{:+d}", "{:,}", "{:x}", "{:#x}", "{:e}", "{:.3}", "{:%}", "{!r}", "{!s:>6}", "{0[0]}", "{0.name}", "{:010}", "{:g}", "{:_}", "{:b}", "{:s}", "{:d}", "{a}"]


class Generator:
    def __init__(self, rng):
        self.rng = rng

    def expression(self, depth):
        pick = self.rng.choice
        kind = self.rng.randrange(13) if depth > 0 else 0
        if kind <= 1:
            return pick(VALUES)
        inner = self.expression(depth - 1)
        if kind <= 3:
            return f"({inner}) {pick(BINARY)} ({self.expression(depth - 1)})"
        if kind <= 6:
            return f"({inner})|{pick(FILTERS)}"
        if kind == 7:
            return f"({inner}) is {pick(['', 'not '])}{pick(TESTS)}"
        if kind <= 9:
            return f"({inner}){pick(ATTRIBUTES)}"
        if kind == 10:
            return f"({inner}) if ({self.expression(depth - 1)}) else ({self.expression(depth - 1)})"
        if kind == 11:
            return f"{pick(['not', '-', '+'])} ({inner})"
        if self.rng.random() < .5:
            return f"{pick(FORMATS)} % ({inner})"
        return f"'{pick(BRACES)}'.format({inner})"

    def statement(self, depth):
        pick, e = self.rng.choice, lambda: self.expression(self.rng.randrange(3))
        body = lambda: "".join(self.statement(depth - 1) for _ in range(self.rng.randrange(3))) if depth > 0 else ""
        o, c = pick(["{%", "{%-", "{%+", "  {%"]), pick(["%}", "-%}", "%}\n", "%}\n\n  "])
        v, w, name = pick(["{{", "{{-", " {{"]), pick(["}}", "-}}", "}}\n"]), pick(["a", "b", "x", "loop2", "ns.x", "m"])
        plain = name if "." not in name else "a"
        return pick([
            lambda: pick(["text", "\n", "  ", "{# note #}", "{#- x -#} ", "a\n  ", "{% raw %}{{ x }}{% endraw %}", "é"]),
            lambda: f"{v} {e()} {w}",
            lambda: f"{v} {pick(['a', 'b', 'x', 'ns.x', 'loop.index', 'loop.last', 'loop.first', 'loop.length', 'loop.revindex0', 'loop.previtem', 'loop.nextitem', 'loop.cycle(1, 2)', 'loop.changed(a)', 'loop.depth'])} {w}",
            lambda: f"{o} set {name} = {e()} {c}",
            lambda: f"{o} set {plain} {c}{body()}{o} endset {c}",
            lambda: f"{o} set a, b = {e()} {c}",
            lambda: f"{o} if {e()} {c}{body()}{o} elif {e()} {c}{body()}{o} else {c}{body()}{o} endif {c}",
            lambda: f"{o} for a in {e()} {c}{body()}{pick(['', o + ' break ' + c, o + ' continue ' + c])}{body()}{o} endfor {c}",
            lambda: f"{o} for a, b in {pick(['u.items()', '[(1, 2), (3, 4)]', 'u|items', '[[1, 2], [3]]'])} {pick(['', 'if ' + e()])} {c}{body()}{o} else {c}{body()}{o} endfor {c}",
            lambda: f"{o} macro f(a, b=2) {c}{body()}{pick(['', '{{ varargs }}', '{{ kwargs }}', '{{ caller() if caller }}'])}{o} endmacro {c}{{{{ f({e()}) }}}}{pick(['{{ f() }}', '{{ f(1, 2, 3) }}', '{{ f(b=1, c=2) }}', '{% call f(1) %}in{% endcall %}'])}",
            lambda: f"{o} filter {pick(['upper', 'trim', 'indent(2)', 'replace(1, 2)'])} {c}{body()}{o} endfilter {c}",
            lambda: f"{o} with a = {e()} {c}{body()}{o} endwith {c}",
            lambda: f"{o} generation {c}{body()}{o} endgeneration {c}",
            lambda: f"{o} for a in [1, [2, [3]]] recursive {c}{{{{ loop.depth }}}}{{{{ loop(a) if a is not number }}}}{o} endfor {c}",
        ])()

    def template(self):
        if self.rng.random() < .6:
            return "{% set ns = namespace(x=1) %}{{ " + self.expression(self.rng.randrange(1, 4)) + " }}"
        return "{% set ns = namespace(x=1) %}" + "".join(self.statement(2) for _ in range(self.rng.randrange(1, 6)))


U = {"name": "Zoë <x>", "list": [3, 1, 2], "nested": {"a": {"b": [1, {"c": None}]}, "t": True}, "text": "line one\n  line two ", "number": 4.25,
     "items": "shadowed", "big": 12345678901234}
# Text that Python builds from addresses or that is refused here on purpose.
INCOMPARABLE = re.compile(r" at 0x|<built-in|<function|<bound method|<class|dict_\w+ object|jinja2\.|reversed|complex|Undefined object")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=25)
    options = parser.parse_args()
    process = subprocess.Popen([options.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    generator, count, same_error, wrong = Generator(random.Random(options.seed)), 0, 0, []
    end = time.time() + options.seconds
    while time.time() < end:
        request = {"template": generator.template(), "messages": [{"role": "user", "content": "hi <there>"}], "now": 0,
                   "variables": {"u": U, "m": [{"content": "c", "n": 1}]}}
        expected = render(request)
        if INCOMPARABLE.search(expected.get("text", "") + expected.get("error", "")):
            continue
        process.stdin.write((json.dumps(request) + "\n").encode())
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            print("render_template died on", request["template"])
            return 1
        answer = json.loads(line)
        count += 1
        same_error += "error" in expected and "error" in answer
        budget = answer.get("id") in ("template_budget", "template_too_deep")
        if not budget and expected.get("text") != answer.get("text"):
            wrong.append((request["template"], expected, answer))
    for template, expected, answer in sorted(wrong, key=lambda w: len(w[0]))[:options.show]:
        got = answer.get("text", "ERROR " + answer.get("error", ""))
        print(f"{template!r}\n  python {expected}\n  ours   {got!r}")
    print(f"{count} templates, {same_error} refused by both, {len(wrong)} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
