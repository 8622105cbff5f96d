"""Every header includes what it uses: its own .cc includes it first, or it compiles alone."""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)


def first_include(source):
    found = INCLUDE.search(source.read_text())
    return found.group(1) if found else None


def compiled_first(header):
    """True when some .cc of the folder begins with this header, so that the build itself is the proof."""
    name = str(header.relative_to(ROOT / "src"))
    return any(first_include(source) == name for source in header.parent.glob("*.cc"))


def compile_alone(header):
    run = subprocess.run(["g++", "-std=c++23", "-fsyntax-only", "-x", "c++", "-I", str(ROOT / "src"), "-include", str(header),
                          "/dev/null"], capture_output=True, text=True)
    return None if run.returncode == 0 else f"{header.relative_to(ROOT)}: {run.stderr.splitlines()[0]}"


class Headers(unittest.TestCase):
    def test_headers_stand_alone(self):
        # Headers of one instruction set need that set's compiler flags, and what includes protobuf's generated code needs
        # a build: the .cc files that include them are their proof.
        headers = [path for path in sorted((ROOT / "src").rglob("*.h"))
                   if not {"avx2", "avxvnni", "avx512vnni", "amx", "neon"} & set(path.parts)
                   and ".pb.h" not in path.read_text()]
        self.assertGreater(len(headers), 10)
        alone = [header for header in headers if not compiled_first(header)]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            faults = [fault for fault in pool.map(compile_alone, alone) if fault]
        self.assertEqual(faults, [])


if __name__ == "__main__":
    unittest.main()
