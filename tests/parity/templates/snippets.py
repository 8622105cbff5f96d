"""Snippets that cover the language systematically: every attribute, method, filter, test and operator on every kind of
value, statements with all their options, formats, white space. families() names generators of templates; the random
ones take a random.Random."""
import itertools
import re

VALUES = ["none", "true", "0", "-3", "2**70", "1.5", "-0.0", "1e16", "''", "'a'", "'Hello World'", "' x y\\n'", "'ÄÖü ß'", "'12'",
          "'<b>&\"'", "'a\\nb\\n\\nc'", "'it\\'s'", "'{} {a}'", "[]", "[3, 1, 2]", "['b', 'A']", "(1,)", "(1, 2)", "{}", "{'a': 1, 'b': [2]}",
          "{1: none}", "range(4)", "range(5, 0, -2)", "nothing", "u.name", "u.nested", "u.items", "u.items2", "'<i>'|safe", "ns", "ns.x", "u.keys()",
          "u.values()", "u.nested.items()", "[1, 2]|map('abs')", "cycler(1, 2)", "u.big", "u.long"]
ATTRIBUTES = ["capitalize", "casefold", "center", "count", "encode", "endswith", "expandtabs", "find", "format", "format_map", "index",
              "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric", "isprintable", "isspace",
              "istitle", "isupper", "join", "ljust", "lower", "lstrip", "maketrans", "partition", "removeprefix", "removesuffix",
              "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip",
              "swapcase", "title", "translate", "upper", "zfill", "append", "clear", "copy", "extend", "insert", "pop", "remove", "reverse",
              "sort", "fromkeys", "get", "items", "keys", "popitem", "setdefault", "update", "values", "as_integer_ratio", "bit_count",
              "bit_length", "conjugate", "denominator", "from_bytes", "imag", "numerator", "real", "to_bytes", "fromhex", "hex",
              "is_integer", "start", "step", "stop", "isdisjoint", "mapping", "escape", "striptags", "unescape", "current", "next", "reset", "pos", "sep",
              "used", "name", "arguments", "caller", "catch_kwargs", "catch_varargs", "explicit_caller", "gi_frame", "gi_code", "gi_running", "send", "throw", "close",
              "__class__", "__len__", "__iter__", "__dict__", "__call__", "__html__", "__html_format__", "__foo__", "_x", "mro", "__name__", "a", "x", "0",
              "func_code", "add", "discard"]
ARGUMENTS = ["", "1", "-1", "0", "none", "'a'", "'l'", "''", "'b', 'c'", "'', '-'", "2, 5", "5, '*'", "'a', 1", "'o', 5", "'l', 3, 9", "['p', 'q']", "('a', 'H')",
             "{'a': 1}", "{97: 'Z', 98: none}", "none, 1", "sep=','", "maxsplit=1", "sep=none, maxsplit=1", "'x', 'y', 1", "a=1", "1, 2, 3", "1, a=2", "keepends=true", "'utf-8'", "1.5", "nothing", "'<', '>'|safe",
             "*[1]", "**{'sep': 'l'}", "tabsize=2", "'ascii', 'ignore'", "count=1"]
FILTERS = {  # Name: arguments to try.
    "abs": ["", "1"], "attr": ["'upper'", "'a'", "'real'", "1", "'items'", "'__class__'", "", "'x'"],
    "batch": ["2", "2, 0", "linecount=3, fill_with='-'", "'2'", "0", "-1", "none", "1.5", ""], "capitalize": ["", "1"], "center": ["", "9", "width=12", "'9'", "none", "-2"],
    "count": [""], "d": ["", "'D'", "'D', true", "default_value=1, boolean=true"], "default": ["'x'", "none", "default_value='q'", "boolean=true"],
    "dictsort": ["", "true", "by='value'", "false, 'key', true", "by='other'", "reverse=true", "1, 2, 3, 4"], "e": ["", "1"], "escape": [""],
    "filesizeformat": ["", "true", "binary=true", "'x'"], "first": ["", "1"], "float": ["", "2.5", "default='x'", "none"], "forceescape": [""],
    "format": ["", "1", "1, 2", "'a', 'b'", "a=1", "1, a=2"], "groupby": ["0", "'a'", "'a', default=1", "'a', case_sensitive=true", ""],
    "indent": ["", "2", "2, true", "'> '", "'> ', true, true", "width=1, first=true, blank=true", "1.5", "none", "-2", "true"],
    "int": ["", "9", "0, 16", "base=2", "default='x'", "0, 0", "0, 99", "none", "1, 8"], "items": ["", "1"], "join": ["", "', '", "1", "none", "d='-'", "'-', attribute='a'", "'<'", "'<'|safe", "'-', 0", "nothing"],
    "last": [""], "length": [""], "list": [""], "lower": [""], "map": ["'upper'", "attribute='a'", "attribute=0", "'int', 7", "'nofilter'", "", "attribute='a', default=3", "'replace', 'a', 'b'", "attribute='a.b', default='z'", "'default', 'q'", "'a', x=1"],
    "max": ["", "true", "attribute='a'", "case_sensitive=true"], "min": ["", "attribute=0"], "pprint": ["", "1"], "random": ["1"], "reject": ["", "'none'", "'odd'", "'in', [1]", "'string'", "'nope'"],
    "rejectattr": ["'a'", "'a', 'none'", "", "'a', 'eq', 1", "0"], "replace": ["'a', 'b'", "'l', 'L', 1", "'', '-'", "1, 2", "none, 'x'", "'a'", "'a', 'b', count=1", "'<', '>'", "'a', '<'", "'a', '<'|safe", "'a', 'b', none", "'a', 'b', '1'"],
    "reverse": [""], "round": ["", "1", "2, 'floor'", "0, 'ceil'", "-1", "method='floor'", "1, 'other'", "none", "'1'", "precision=2"], "safe": ["", "1"],
    "select": ["", "'none'", "'odd'", "'gt', 1", "'mapping'", "'eq', 'a'", "1"], "selectattr": ["'a'", "'a', 'defined'", "'a', 'eq', 1", "0", "'a.b'"],
    "slice": ["2", "2, 0", "3, fill_with='x'", "0", "-1", "'2'", "none"], "sort": ["", "true", "reverse=true, case_sensitive=true", "attribute='a'", "attribute='a,b'", "attribute=0", "false, true", "attribute='0,1'"],
    "string": ["", "1"], "striptags": [""], "sum": ["", "start=1", "attribute='a'", "'a'", "0", "start=[]", "start=''", "attribute=0, start=2"], "title": [""], "tojson": ["", "indent=2", "2", "true, 1", "sort_keys=true", "indent='--'", "separators=(',', ':')", "separators=['a', 'b'], indent=1", "ensure_ascii=true", "indent=none, sort_keys=true", "indent=0", "indent=-1", "indent=true", "separators=('', '')", "separators=1", "separators=(1, 2)"],
    "trim": ["", "'a'", "' \\n'", "chars='ab'", "none", "1"], "truncate": ["", "5", "5, true", "5, false, '!'", "5, true, '', 0", "length=3, end='.', leeway=0", "5, leeway=none", "none", "3, true, '<'", "2", "'5'"],
    "unique": ["", "true", "attribute='a'", "attribute=0", "case_sensitive=true"], "upper": [""], "urlencode": ["", "1"],
    "urlize": ["", "10", "nofollow=true", "target='_blank'", "rel='me you'", "extra_schemes=['ftp:']", "5, true"], "wordcount": [""],
    "wordwrap": ["", "5", "5, false", "width=4, wrapstring='|'", "3, break_on_hyphens=false", "0", "7, true, '\\n> '"], "xmlattr": ["", "false", "autospace=false", "true"],
    "nofilter": [""], "upper.lower": [""],
}
TESTS = {"boolean": [""], "callable": [""], "defined": [""], "divisibleby": ["2", "(0)", "num=3", "'a'"], "eq": ["1", "'a'", "(none)"], "equalto": ["1"], "==": ["1"],
         "escaped": [""], "even": [""], "false": [""], "filter": [""], "float": [""], "ge": ["1"], "greaterthan": ["(1)"], "gt": ["1", "'a'"], "in": ["[1, 'a']", "'abc'", "{'a': 1}", "1", "(1, 2)", "nothing"],
         "integer": [""], "iterable": [""], "le": ["1", "[1]"], "lessthan": ["2"], "lower": [""], "lt": ["2"], "mapping": [""], "ne": ["1"], "none": [""], "number": [""],
         "odd": [""], "sameas": ["1", "none", "true", "(u)"], "sequence": [""], "string": [""], "test": [""], "true": [""], "undefined": [""], "upper": [""], "notest": [""], "defined.x": [""]}
BINARY = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
KEYS = ["0", "-1", "1", "99", "'a'", "'x'", "none", "1.0", "true", "[]", "(1,)", "nothing", "1:", ":-1", "::-1", "::2", "-2:", "1:2:0", "none:1", "'a':", ":1.5", "0, 1", "1:2, 3", "2**70", "2**70:", "'items'", "'__class__'", "'_x'", "'append'", ":", "::", "1::-1", "5:1:-2", "-99:99", "nothing:", "true:"]
UNARY = ["not ", "-", "+", "not not ", "- -", "+-"]
STRING_FORMATS = ["%s", "%r", "%a", "%5s|", "%-5s|", "%.1s", "%d", "%i", "%u", "%05d", "%+d", "% d", "%x", "%#x", "%X", "%o", "%#o", "%f", "%.2f", "%F", "%+.1e", "%E", "%g", "%G", "%#g", "%c", "%%", "%(a)s", "%(a)d %(b)s", "%5.1f%%", "%s %s", "%*d", "%-*d|", "%.*f", "%", "%q", "%5", "%(a", "%ld", "%08.3f", "%.0f", "%.3d", "%+s", "%05s", "%x%x"]
BRACE_FORMATS = ["{}", "{0}", "{a}", "{:>8}", "{:<8}|", "{:^9}", "{:*^9}", "{:08.3f}", "{:+d}", "{: d}", "{:,}", "{:_}", "{:x}", "{:#x}", "{:#b}", "{:#o}", "{:e}", "{:E}", "{:.3}", "{:.3f}", "{:%}", "{:.1%}", "{!r}", "{!s:>6}", "{!a}", "{0[0]}", "{0.name}",
                 "{0[a]}", "{0.a}", "{0.__class__}", "{0[0][0]}", "{:010}", "{:g}", "{:G}", "{:b}", "{:o}", "{:s}", "{:d}", "{:c}", "{:n}", "{{}}", "{", "}", "{}}", "{:{}}", "{:{}.{}f}", "{0:{1}}", "{!x}", "{:é>5}", "{:=8}", "{:=+8}", "{:<08}", "{:,.2f}", "{:_x}", "{:,d}", "{:,s}", "{:z}", "{:-}", "{a.b}", "{a[b]}", "{} {}", "{0} {}", "{:5}", "{:.0f}", "{:#g}", "{:#.3f}", "{:1$}", "{:08}", "{:+}", "{: }", "{:.2s}", "{:>{w}}", "{0!r:^9}", "{:_b}", "{:_o}", "{:#X}", "{:#_x}", "{:012,}", "{:012,.1f}", "{-1}", "{0.}", "{[0]}", "{.real}", "{:020_b}"]
# What is refused here on purpose (by name), prints addresses, or depends on Python's hash order.
NOT_HERE = re.compile(r"from_bytes|fromhex|mapping|\bsend\b|\bthrow\b|\bclose\b|gi_|\bpos\b|keys\(\)\)? (-|>|<|>=|<=) |- \(u.keys|pprint|random|"
                      r"'?(un)?escape'?[(') ]|autoescape \((?!true|false|none|0|''|'a)|cycler.*\|(replace|urlencode|title|upper|wordcount)|map\('abs'\)\)\|(replace|urlencode|title|upper|wordcount|urlize|center|truncate|trim|capitalize)|"
                      r"namespace\(\[\[|arguments|explicit_caller|__|isdisjoint|\* \(2\*\*70\)")

START = "{% set ns = namespace(x=1, y='z') %}{% macro f(a, b=2) %}{{ a }}{{ b }}{% endmacro %}"


def attributes(rng):
    for value, name in itertools.product(VALUES, ATTRIBUTES):
        yield f"{START}{{{{ ({value}).{name} is defined }}}}{{{{ ({value}).{name} is callable }}}}{{{{ ({value})['{name}'] is defined }}}}{{{{ (({value})|attr('{name}')) is defined }}}}"


def methods(rng):
    pairs = list(itertools.product(VALUES, ATTRIBUTES))
    rng.shuffle(pairs)
    for value, name in pairs:
        for arguments in rng.sample(ARGUMENTS, 8):
            yield f"{START}{{{{ ({value}).{name}({arguments}) }}}}"


def text_methods(rng):
    texts = [v for v in VALUES if v.startswith("'")] + ["'a,b,,c'", "'tab\\tx'", "'AbC dEf'", "'-12'", "'+5'", "'ab' * 3", "'\\u01c6\\u00df\\ufb01'", "'1\\u00b2\\u2155'", "'x\\r\\ny\\x0bz\\x85w\\u2028'", "'lLlL'", "u.name"]
    for name in ATTRIBUTES[:47]:
        for value, arguments in itertools.product(texts, ARGUMENTS):
            if rng.random() < .5:
                yield f"{{{{ ({value}).{name}({arguments}) }}}}|{{{{ [({value}).{name}({arguments})] }}}}"


def filters(rng):
    values = VALUES + ["[{'a': 2, 'b': 'x'}, {'a': 1, 'b': 'Y'}]", "[[1, 2], [0, 3]]", "'go to http://a.b/c?d=1&e, www.x.org or me@x.de (http://y.z).'", "{'k': none, 'b': 'x<', 'c': nothing, 'd': true}", "'some long text-with hyphens here and there'", "{'a b': 1}", "{'<>': 1}", "[1, 1.0, true, 'a', 'A']", "1234567", "'%s-%s'", "'%(a)s'", "['a', none, 3, [1]]", "[none]", "'a\\r\\nb'", "[nothing]", "[[], [1]]", "[1, 'a']", "'a' * 30", "[0.1, 0.2, 0.3]"]
    for name, options in FILTERS.items():
        for value, arguments in itertools.product(values, options):
            call = f"{name}({arguments})" if arguments else name
            yield f"{START}{{% set r = ({value})|{call} %}}{{{{ r }}}}|{{{{ r|list if r is iterable and r is not string and r is not mapping else [r] }}}}"


def tests(rng):
    for name, options in TESTS.items():
        for value, arguments in itertools.product(VALUES, options):
            for negation in ("", "not "):
                yield f"{START}{{{{ ({value}) is {negation}{name}{'(' + arguments + ')' if '=' in arguments else ' ' + arguments} }}}}"


def operators(rng):
    triples = list(itertools.product(VALUES, BINARY, VALUES))
    for left, sign, right in triples:
        if sign in "~==!=" and rng.random() < .8:
            continue
        if rng.random() < .35:
            yield f"{START}{{{{ ({left}) {sign} ({right}) }}}}"


def subscripts(rng):
    for value, key in itertools.product(VALUES, KEYS):
        yield f"{START}{{{{ ({value})[{key}] }}}}|{{{{ ({value})[{key}] is defined }}}}"
    for value, sign in itertools.product(VALUES, UNARY):
        yield f"{START}{{{{ {sign}({value}) }}}}"


def formats(rng):
    values = [v for v in VALUES if v not in ("dict", "namespace", "range", "f")] + ["3.14159", "255", "1234567.891", "'é'", "1e-7", "123456789012", "65", "0.5", "1e22", "(1, 2)", "('a', 3.5)", "(5, 42)", "{'a': 7, 'b': 'B'}", "-1234.5", "1e100"]
    for text, value in itertools.product(STRING_FORMATS, values):
        yield f"{START}{{{{ '{text}' % ({value}) }}}}"
    for text, value in itertools.product(BRACE_FORMATS, values):
        yield f"{START}{{{{ '{text}'.format({value}, 9, a=u.nested, w=6) }}}}"


def iteration(rng):
    for value in VALUES + ["[1, 1, 2, 2, 3]", "u.nested|items", "'héj'", "[[1, 2], [3, 4]]", "[(1, 2), (3,)]", "{'a': 1}|dictsort", "range(3)|map('string')"]:
        for part in ("index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0", "previtem", "nextitem", "cycle('a', 'b')", "cycle()", "changed(i)", "changed()", "foo", "_x", "__class__", "index is defined"):
            yield f"{START}{{% for i in ({value}) %}}{{{{ i }}}}:{{{{ loop.{part} }}}};{{% else %}}none{{% endfor %}}"
        yield f"{START}{{% for a, b in ({value}) %}}{{{{ a }}}}{{{{ b }}}}{{% endfor %}}"
        yield f"{START}{{% for i in ({value}) if i %}}{{{{ i }}}}{{{{ loop.length }}}}{{% endfor %}}"
        yield f"{START}{{% for i in ({value}) if loop.first %}}{{{{ i }}}}{{% endfor %}}"
        yield f"{START}{{% for i in ({value}) %}}{{{{ loop }}}}{{{{ loop|length }}}}{{% endfor %}}"
        yield f"{START}{{% set a, b = ({value}) %}}{{{{ a }}}}{{{{ b }}}}"
        yield f"{START}{{{{ f(*({value})) }}}}"
        yield f"{START}{{{{ f(**({value})) }}}}"
        yield f"{START}{{{{ dict({value}) }}}}{{{{ namespace({value}) }}}}"
        yield f"{START}{{{{ dict.fromkeys({value}) }}}}{{{{ dict.fromkeys({value}, 1) }}}}"
        yield f"{START}{{{{ range({value})|list }}}}{{{{ cycler({value}).next() }}}}"
        yield f"{START}{{{{ raise_exception({value}) }}}}"
        yield f"{START}{{{{ strftime_now({value}) }}}}"
        yield f"{START}{{% set ns.q = ({value}) %}}{{{{ ns.q }}}}{{{{ ns }}}}"
        yield f"{START}{{{{ {{({value}): 1}} }}}}"
        yield f"{START}{{{{ ({value}) }}}}{{{{ [({value})] }}}}{{{{ (({value}),)|string }}}}{{{{ ({value})|tojson }}}}"
        yield f"{START}{{% if ({value}) %}}yes{{% elif not ({value}) %}}no{{% endif %}}"
        yield f"{START}{{% with a = ({value}), b = a %}}{{{{ a }}}}{{{{ b }}}}{{% endwith %}}"
        yield f"{START}{{% filter replace('a', ({value})) %}}banana{{% endfilter %}}"
        yield f"{START}{{{{ ({value})() }}}}"
        yield f"{START}{{% autoescape ({value}) %}}{{{{ '<' }}}}{{% endautoescape %}}"
        yield f"{START}{{% autoescape true %}}{{{{ ({value}) }}}}{{{{ ({value}) ~ '<' }}}}{{{{ [({value})] }}}}{{{{ [({value}), '<']|join('>') }}}}{{% endautoescape %}}"


def families():
    return {"attributes": attributes, "methods": methods, "text_methods": text_methods, "filters": filters, "tests": tests, "operators": operators,
            "subscripts": subscripts, "formats": formats, "iteration": iteration}
