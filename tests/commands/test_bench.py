"""ingle bench: JSON lines and a readable summary."""
import json


def test_json_lines_and_nothing_else(ingle):
    done = ingle("bench", "spark", "--prompt", 40, "--generate", 5, "--sequences", 2, "--threads", 2, "--repeat", 3, "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert len(lines) == 3
    for line in lines:
        assert line["prefill_tokens_per_second"] > 0 and line["decode_tokens_per_second"] > 0
        assert line["sequences"] == 2 and line["threads"] == 2 and line["tier"]
        assert line["prompt"] == 40 and line["generate"] == 5 and line["depth"] == 0
        assert "profile" not in line


def test_the_tier_that_was_forced_is_named(ingle):
    done = ingle("bench", "spark", "--prompt", 4, "--generate", 2, "--repeat", 1, "--json", env={"INGLE_FORCE_ISA": "portable"})
    assert json.loads(done.stdout)["tier"] == "portable"


def test_summary_has_medians_and_spread(ingle):
    text = ingle("bench", "--prompt", 8, "--generate", 2, "--repeat", 2).stdout.decode()
    for word in ("prefill", "decode", "tokens/s", "GMAC/s", "GB/s", " to "):
        assert word in text


def test_decode_at_a_depth(ingle):
    done = ingle("bench", "spark", "--depth", 70, "--prompt", 4, "--generate", 3, "--sequences", 2, "--repeat", 2, "--json", "--profile")
    assert done.returncode == 0, done.stderr
    for line in map(json.loads, done.stdout.decode().splitlines()):
        assert line["depth"] == 70
        step = {row["operation"]: row for row in line["profile"]["decode"]}
        shallow = json.loads(ingle("bench", "spark", "--prompt", 4, "--generate", 3, "--sequences", 2, "--repeat", 1, "--json",
                                   "--profile").stdout)["profile"]["decode"]
        # Tokens 75 to 77 see 76 on average, 18 times those that see 6 less one each: products of attention grow alike.
        flat = {row["operation"]: row for row in shallow}
        assert step["attention"]["products"] / flat["attention"]["products"] == (70 + 6) / 6
        assert step["gate_up"]["products"] == flat["gate_up"]["products"]


def test_depth_counts_towards_the_context(ingle):
    done = ingle("bench", "spark", "--depth", 1000000, "--repeat", 1)
    assert done.returncode == 1
    assert b"lower --depth, --prompt or --generate" in done.stderr


def test_profile_adds_up(ingle):
    done = ingle("bench", "spark", "--prompt", 64, "--generate", 8, "--repeat", 1, "--threads", 2, "--json", "--profile")
    assert done.returncode == 0, done.stderr
    profile = json.loads(done.stdout)["profile"]
    assert all(profile["limits"][key] > 0 for key in ("read_gb_per_second", "integer_gmac_per_second", "float_gmac_per_second"))
    for what in ("prefill", "decode"):
        *parts, whole = profile[what]
        assert whole["operation"] == "all"
        assert [row["operation"] for row in parts] == ["embed", "norm and quantise", "qkv", "attention", "attention_out",
                                                       "gate_up", "down", "head", "waiting", "outside"]
        for key in ("milliseconds", "share", "bytes", "products"):
            assert abs(sum(row[key] for row in parts) - whole[key]) <= 1e-3 * whole[key], (what, key)
        assert {row["operation"] for row in parts if row["bound"]} == {"embed", "qkv", "attention", "attention_out", "gate_up",
                                                                       "down", "head"}


def test_profile_to_read(ingle):
    text = ingle("bench", "--prompt", 8, "--generate", 2, "--repeat", 1, "--profile").stdout.decode()
    for word in ("this machine at most", "prefill: a step of 8 tokens", "decode: a step of 1 tokens", "norm and quantise", "of limit"):
        assert word in text


def test_limits_alone_need_no_model(ingle):
    done = ingle("bench", "nowhere.gguf", "--limits", "--threads", 1, "--json", env={"INGLE_FORCE_ISA": "portable"})
    assert done.returncode == 0, done.stderr
    limits = json.loads(done.stdout)
    assert limits["tier"] == "portable" and limits["threads"] == 1 and limits["read_gb_per_second"] > 0
    assert b"reads" in ingle("bench", "--limits").stdout
