"""One name, one type: two classes of one name in one namespace are undefined behaviour (C++23, 6.3), and the linker
says nothing: it takes one's functions for both."""
import collections
import pathlib
import re
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "src"
NAMESPACE = re.compile(r"^namespace ?([\w:]*) ?\{")
TYPE = re.compile(r"^(?:template <.*> ?)?(?:struct|class|enum class|enum) (?:alignas\(\d+\) )?(\w+)(?: final)?(?: : [^;]*)?\s*\{")


def types_of(lines):
    """The full names of the types that these lines define outside unnamed namespaces."""
    spaces = []
    for line in lines:
        space, kind = NAMESPACE.match(line), TYPE.match(line)
        if space:
            spaces.append(space[1])
        elif line.startswith("}  // namespace"):
            spaces.pop()
        elif kind and "" not in spaces:
            yield "::".join(spaces + [kind[1]])


def twice(files):
    """name -> files, for the names that several of the files define; tests are programs of their own."""
    found = collections.defaultdict(set)
    for path, lines in files:
        for name in types_of(lines):
            found[name].add(str(path))
    return {name: sorted(paths) for name, paths in found.items() if len(paths) > 1}


def sources():
    for path in sorted(SOURCE.rglob("*")):
        if path.suffix in (".h", ".cc") and not re.search(r"_(test|bench|fuzz)\.cc$", path.name):
            yield path.relative_to(SOURCE), path.read_text().splitlines()


class Names(unittest.TestCase):
    def test_no_type_is_defined_twice(self):
        self.assertEqual(twice(sources()), {})

    def test_sees_what_is_defined_twice(self):
        own = ["namespace {", "struct Own {", "};", "}  // namespace"]
        one = ["namespace ingle {", "struct Step {", "};"] + own
        two = ["namespace ingle {", "class Step : public Other {", "};"] + own
        self.assertEqual(twice([("a.h", one), ("b.h", two)]), {"ingle::Step": ["a.h", "b.h"]})


if __name__ == "__main__":
    unittest.main()
