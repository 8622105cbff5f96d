"""Every header compiles alone: it includes what it uses."""
import concurrent.futures
import os
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def compile_alone(header):
    run = subprocess.run(["g++", "-std=c++23", "-fsyntax-only", "-x", "c++", "-I", str(ROOT / "src"), "-include", str(header),
                          "/dev/null"], capture_output=True, text=True)
    return None if run.returncode == 0 else f"{header.relative_to(ROOT)}: {run.stderr.splitlines()[0]}"


class Headers(unittest.TestCase):
    def test_headers_stand_alone(self):
        # Headers of one instruction set need that set's compiler flags; their own .cc compiles them.
        headers = [path for path in sorted((ROOT / "src").rglob("*.h"))
                   if not {"avx2", "avx512", "amx", "neon"} & set(path.parts)]
        self.assertGreater(len(headers), 10)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            faults = [fault for fault in pool.map(compile_alone, headers) if fault]
        self.assertEqual(faults, [])


if __name__ == "__main__":
    unittest.main()
