"""The include rules of docs/layers.txt hold, and the checker finds a violation when there is one."""
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import check_layers  # noqa: E402


class Layers(unittest.TestCase):
    def test_source_keeps_the_table(self):
        self.assertEqual(check_layers.check(ROOT), [])

    def test_violation_and_cycle_are_found(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "docs").mkdir()
            (root / "src/low").mkdir(parents=True)
            (root / "src/low/a.cc").write_text('#include "high/b.h"\n')
            (root / "docs/layers.txt").write_text("low:\nhigh: low\n")
            self.assertEqual(check_layers.check(root), ["src/low/a.cc:1: low may not include high"])
            (root / "docs/layers.txt").write_text("low: high\nhigh: low\n")
            self.assertIn("cycle", check_layers.check(root)[0])


if __name__ == "__main__":
    unittest.main()
