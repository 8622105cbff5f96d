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
        assert line["prompt"] == 40 and line["generate"] == 5


def test_the_tier_that_was_forced_is_named(ingle):
    done = ingle("bench", "spark", "--prompt", 4, "--generate", 2, "--repeat", 1, "--json", env={"INGLE_FORCE_ISA": "portable"})
    assert json.loads(done.stdout)["tier"] == "portable"


def test_summary_has_medians_and_spread(ingle):
    text = ingle("bench", "--prompt", 8, "--generate", 2, "--repeat", 2).stdout.decode()
    for word in ("prefill", "decode", "tokens/s", "GMAC/s", "GB/s", " to "):
        assert word in text
