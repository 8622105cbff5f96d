"""Functions, files and lines stay small. What is larger is listed in ratchet.json with its size, which may only shrink."""
import json
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RATCHET = json.loads((ROOT / "tests/structure/ratchet.json").read_text())
FUNCTION_LINES, KERNEL_LINES, FILE_LINES, COLUMNS = 60, 100, 400, 100


def sources():
    return sorted(path for path in (ROOT / "src").rglob("*") if path.suffix in {".h", ".cc"})


def functions(paths):
    """(file, function, lines) of every function definition, by Universal Ctags."""
    out = subprocess.run(["ctags", "--output-format=json", "--fields=+ne", "--kinds-C++=f", "-f", "-", "-L", "-"],
                         input="\n".join(map(str, paths)), capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        tag = json.loads(line)
        if tag.get("_type") == "tag" and "end" in tag:
            name = (tag.get("scope", "") + "::" if tag.get("scope") else "") + tag["name"]
            yield pathlib.Path(tag["path"]), name, tag["end"] - tag["line"] + 1


class Sizes(unittest.TestCase):
    def test_functions(self):
        listed, large, seen = RATCHET["functions"], [], 0
        for path, name, lines in functions(sources()):
            seen += 1
            key = f"{path.relative_to(ROOT)}:{name}"
            limit = KERNEL_LINES if "src/kernels/" in str(path) else FUNCTION_LINES
            if lines > listed.get(key, limit):
                large.append(f"{key} has {lines} lines; at most {listed.get(key, limit)}")
        self.assertGreater(seen, 0, "ctags found no function")
        self.assertEqual(large, [])

    def test_files(self):
        listed, large = RATCHET["files"], []
        for path in sources():
            key, lines = str(path.relative_to(ROOT)), len(path.read_text().splitlines())
            limit = listed.get(key, FILE_LINES)
            if lines > limit and not path.stem.endswith("_table"):
                large.append(f"{key} has {lines} lines; at most {limit}")
        self.assertEqual(large, [])

    def test_columns(self):
        wide = [f"{path.relative_to(ROOT)}:{number}" for path in sources() if not path.stem.endswith("_table")
                for number, line in enumerate(path.read_text().splitlines(), 1) if len(line) > COLUMNS]
        self.assertEqual(wide, [])

    def test_ratchet_names_nothing_that_is_gone(self):
        names = {key.split(":")[0] for key in RATCHET["functions"]} | set(RATCHET["files"])
        self.assertEqual([name for name in names if not (ROOT / name).exists()], [])


if __name__ == "__main__":
    unittest.main()
