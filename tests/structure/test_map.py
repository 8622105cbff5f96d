"""Every path that docs/MAP.md, the folder READMEs and docs/*.md name in backticks exists."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATH = re.compile(r"`((?:src|tests|tools|scripts|docs|bench|training|models|web|packaging|\.ci|\.githooks)/[^`\s*{}<>]*)`")


def named_paths(document):
    return [match.group(1).split(":")[0] for match in PATH.finditer(document.read_text())]


class Map(unittest.TestCase):
    def test_map_has_rows(self):
        rows = [line for line in (ROOT / "docs/MAP.md").read_text().splitlines() if line.startswith("| I want")
                or line.startswith("| ")]
        self.assertGreaterEqual(len(rows), 40)

    def test_named_paths_exist(self):
        documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("README.md")]
        gone = [f"{document.relative_to(ROOT)} names {path}" for document in documents for path in named_paths(document)
                if not (ROOT / path).exists() and not path.startswith(("docs/generated", "build/"))]
        self.assertEqual(gone, [])

    def test_every_folder_has_a_short_readme(self):
        for folder in sorted((ROOT / "src").iterdir()):
            if folder.is_dir() and any(folder.rglob("*.cc")):
                readme = folder / "README.md"
                self.assertTrue(readme.exists(), f"{folder.name} has no README.md")
                self.assertLessEqual(len(readme.read_text().splitlines()), 25, str(readme))


if __name__ == "__main__":
    unittest.main()
