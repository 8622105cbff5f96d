"""What other engines' benchmarks print, and how they are started. The samples are in the formats that their READMEs describe."""
import json
import subprocess

import engines
import pytest
import suite

LLAMA_BENCH = """warning: asserts enabled, performance may be affected
[
  {"build_commit": "abc", "n_threads": 2, "n_prompt": 512, "n_gen": 0, "n_depth": 0, "avg_ns": 1, "avg_ts": 128.5,
   "samples_ns": [1, 1], "samples_ts": [127.0, 130.0]},
  {"build_commit": "abc", "n_threads": 2, "n_prompt": 0, "n_gen": 64, "n_depth": 0, "avg_ns": 1, "avg_ts": 11.5,
   "samples_ns": [1, 1], "samples_ts": [11.0, 12.0]},
  {"build_commit": "abc", "n_prompt": 512, "n_gen": 64, "avg_ts": 50.0, "samples_ts": [50.0]}
]
"""
BATCHED_JSON = """main: n_kv_max = 2560
{"n_kv_max": 2560, "n_batch": 2048, "n_ubatch": 512, "pp": 128, "tg": 32, "pl": 1, "n_kv": 160, "t_pp": 1.0, "speed_pp": 128.0, "t_tg": 3.2, "speed_tg": 10.0, "t": 4.2, "speed": 38.1}
{"n_kv_max": 2560, "n_batch": 2048, "n_ubatch": 512, "pp": 128, "tg": 32, "pl": 16, "n_kv": 2560, "t_pp": 16.0, "speed_pp": 128.0, "t_tg": 6.4, "speed_tg": 80.0, "t": 22.4, "speed": 114.3}
"""
BATCHED_TABLE = """
main: n_kv_max = 2560

|    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |      T s |    S t/s |
|-------|--------|------|--------|----------|----------|----------|----------|----------|----------|
|   128 |     32 |    1 |    160 |    1.000 |   128.00 |    3.200 |    10.00 |    4.200 |    38.10 |
|   128 |     32 |   16 |   2560 |   16.000 |   128.00 |    6.400 |    80.00 |   22.400 |   114.30 |

llama_print_timings: total time = 1 ms
"""


def test_the_better_pass_of_ours_and_of_the_package():
    passes = [{"prefill_tokens_per_second": 10, "decode_tokens_per_second": 3}, {"prefill_tokens_per_second": 9, "decode_tokens_per_second": 4}]
    assert engines.parse_lines("a log line\n" + "\n".join(map(json.dumps, passes))) == {"prefill": 10, "decode": 4}


def test_llama_bench():
    assert engines.parse_llama_bench(LLAMA_BENCH) == {"prefill": 130.0, "decode": 12.0}


@pytest.mark.parametrize("text", [BATCHED_JSON, BATCHED_TABLE])
def test_llama_batched_bench_in_both_formats(text):
    assert engines.parse_batched_bench(text) == {"decode 1": 10.0, "decode 16": 80.0}


@pytest.fixture
def all_of(tmp_path, monkeypatch):
    """Engines of a cell, with an npm package of empty files."""
    for name in ("LLAMA", "IK"):
        for tool in ("BENCH", "BATCHED_BENCH"):
            monkeypatch.delenv(f"{name}_{tool}", raising=False)
    bins = tmp_path / "node_modules/@node-llama-cpp/linux-x64/bins/linux-x64"
    bins.mkdir(parents=True)
    for build in ("x64", "haswell", "icelake", "zen4"):
        (bins / f"libggml-cpu-{build}.so").touch()
    (bins / "libggml-base.so").touch()
    return lambda **cell: engines.Engines("ingle", tmp_path, 2, [0, 1]).of(suite.Cell("m", "q8_0", **cell), "m.gguf")


def test_every_engine_runs_on_the_same_cpus(all_of):
    made = all_of()
    assert list(made) == ["ingle", "llama.cpp"]
    for command, _, _ in made.values():
        assert command[:3] == ["taskset", "-c", "0,1"]


def test_builds_of_the_users_are_measured_too(all_of, monkeypatch):
    monkeypatch.setenv("LLAMA_BENCH", "/x/llama-bench -ub 1024")
    monkeypatch.setenv("IK_BENCH", "/y/llama-bench")
    monkeypatch.setenv("LLAMA_BATCHED_BENCH", "/x/llama-batched-bench")
    made = all_of()
    assert list(made)[2:] == ["llama.cpp llama-bench", "ik_llama.cpp llama-bench", "ik_llama.cpp llama-bench -rtr"]
    assert made["llama.cpp llama-bench"][0][3:6] == ["/x/llama-bench", "-ub", "1024"]
    deep = all_of(what="depth")
    assert deep["llama.cpp llama-bench"][0][-2:] == ["-d", "8192"] and "ik_llama.cpp llama-bench" not in deep
    assert list(all_of(what="steps")) == ["ingle x1", "ingle x8", "ingle x16", "llama.cpp batched"]


def test_the_table_that_a_build_writes_to_standard_error_is_read(all_of, monkeypatch, tmp_path):
    tool = tmp_path / "llama-batched-bench"
    tool.write_text("#!/bin/sh\necho noise\nprintf '| PP | B | S_TG t/s |\\n|--|--|--|\\n| 128 | 16 | 60.5 |\\n' >&2\n")
    tool.chmod(0o755)
    monkeypatch.setenv("IK_BATCHED_BENCH", f"{tool} -x")
    command, _, parse = all_of(what="steps")["ik_llama.cpp batched"]
    done = subprocess.run(command[3:], capture_output=True, text=True)  # Not pinned.
    assert parse(done.stdout) == {"decode 16": 60.5}


def test_a_limited_tier_limits_both(all_of, tmp_path):
    made = all_of(tier="avx2")
    assert made["ingle"][1]["INGLE_FORCE_ISA"] == "avx2"
    assert str(tmp_path / "tiers/avx2/peer.mjs") in made["llama.cpp"][0]
    left = sorted(path.name for path in (tmp_path / "tiers/avx2").rglob("*.so"))
    assert left == ["libggml-base.so", "libggml-cpu-haswell.so"]
    assert len(list((tmp_path / "node_modules").rglob("*.so"))) == 5, "the original stays whole"


def test_a_package_without_the_build_is_refused(all_of, tmp_path):
    (tmp_path / "node_modules/@node-llama-cpp/linux-x64/bins/linux-x64/libggml-cpu-icelake.so").unlink()
    with pytest.raises(SystemExit, match="libggml-cpu-icelake.so"):
        all_of(tier="avx512vnni")
