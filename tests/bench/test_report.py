"""Tables from a log, and a document that gets them."""
import json
import pathlib

import pytest
import report
from visits import canary, visit

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUN = {"kind": "run", "run": "one", "cpu": "A CPU", "family": "6", "cpu_model": "1", "flags": ["avx2"], "threads": 2,
       "commit": "abc", "changed": False, "node_llama_cpp": "3.0"}


def test_a_row_has_medians_and_the_ratio_of_each_visit():
    made = report.tables([RUN, visit(0), visit(10), visit(20), visit(99, read=10.0)])
    assert "| m-q8_0 | 310 | 100 | 3.10 (3.05 to 3.15) | 40.0 | 20.0 | 2.00 (2.00 to 2.00) | 3 |" in made["single"]
    assert "3 of 4 visits count" in made["machine"] and "commit abc," in made["machine"]
    assert made["tiers"].count("\n") == 1


def test_steps_depth_and_tiers_have_tables_of_their_own():
    steps = visit(cell="s", what="steps", **{"ingle x1": {"decode": 10.0}, "ingle x8": {"decode": 64.0},
                                            "ingle x16": {"decode": 100.0}, "llama.cpp batched": {"decode 16": 50.0}})
    made = report.tables([steps, visit(cell="d", what="depth"), visit(cell="t", tier="avx2")])
    assert "| 10.0 | 64.0 | 100 | 1.25 (1.25 to 1.25) | 1.60 (1.60 to 1.60) | 50.0 | - | 1 |" in made["steps"]
    assert "| m-q8_0 | 40.0 | 20.0 | 2.00" in made["depth"]
    assert "| m-q8_0, avx2 |" in made["tiers"] and made["single"].count("\n") == 1


def test_builds_stand_beside_the_package_but_not_in_its_ratio():
    builds = visit(ingle={"prefill": 300.0, "decode": 40.0}, **{
        "llama.cpp": {"prefill": 100.0, "decode": 20.0}, "llama.cpp llama-bench": {"prefill": 120.0, "decode": 32.0},
        "ik_llama.cpp llama-bench": {"prefill": 200.0, "decode": 30.0}})
    made = report.tables([visit(1), builds])
    assert "| 3.00 (3.00 to 3.01) | 40.0 | 20.0 | 2.00 (2.00 to 2.00) | 2 |" in made["single"]
    assert "| m-q8_0 | prefill | 300 | 100 | 120 | 200 | - | 1.50 (1.50 to 1.50) | 1 |" in made["builds"]
    assert "| m-q8_0 | decode | 40.0 | 20.0 | 32.0 | 30.0 | - | 1.25 (1.25 to 1.25) | 1 |" in made["builds"]
    assert report.tables([visit(1)])["builds"].count("\n") == 1


def test_http_rounds():
    entry = {"kind": "http", "run": "one", "server": "ingle", "model": "m", "clients": 16, "tokens_per_second": 96.0,
             "bench_tokens_per_second": 100.0, "ratio": 0.96, "first_token_p50_s": 1.5, "first_token_p99_s": 2.5,
             "gap_p50_s": 0.1, "gap_p99_s": 0.25, "canary": canary()}
    assert "| ingle | m | 16 | 96.0 | 100 | 0.96 (0.96 to 0.96) | 1.50 | 2.50 | 100 | 250 | 1 |" in report.tables([entry])["http"]


def test_the_rest_of_a_token_by_file_and_number_of_clients():
    def entry(share):
        rest = {"steps": 100, "step_ms": 20.0, "outside_model_ms": 0.2, "other_threads_ms": 0.4, "rest": share}
        return {"kind": "http", "run": "one", "server": "ingle", "model": "m", "clients": 16, "tokens_per_second": 96.0,
                "first_token_p50_s": 1.5, "first_token_p99_s": 2.5, "gap_p50_s": 0.1, "gap_p99_s": 0.25,
                "rest": {"1": rest, "16": {**rest, "rest": 2 * share}}}
    made = report.tables([entry(0.01), entry(0.02), entry(0.03)])["rest"]
    assert "| m | 1 | 20.0 | 0.20 | 0.40 | 2.0 % (1.5 to 2.5) | 3 |" in made
    assert "| m | 16 | 20.0 | 0.20 | 0.40 | 4.0 % (3.0 to 5.0) | 3 |" in made


def test_only_what_is_marked_is_replaced():
    text = "before\n<!-- table: single -->\nold\n<!-- end -->\nbetween\n<!-- table: http -->\n<!-- end -->\nafter\n"
    filled = report.fill(text, {"single": "S", "http": "H"})
    assert filled == ("before\n<!-- table: single -->\n\nS\n\n<!-- end -->\nbetween\n"
                      "<!-- table: http -->\n\nH\n\n<!-- end -->\nafter\n")
    assert report.fill(filled, {"single": "S", "http": "H"}) == filled
    with pytest.raises(SystemExit, match="single"):
        report.fill(text, {"http": "H"})


@pytest.mark.parametrize("document, log", [("PERFORMANCE.md", "performance.jsonl"),
                                           ("PERFORMANCE_ZEN5.md", "performance_zen5.jsonl")])
def test_a_document_is_what_its_log_says(document, log):
    text = (ROOT / "docs" / document).read_text()
    assert "<!-- table: single -->" in text
    assert report.fill(text, report.tables(report.load(ROOT / "docs" / log))) == text, \
        "run `make performance`; tables are not edited by hand"


def test_runs_are_chosen_by_name(tmp_path):
    log = tmp_path / "log"
    log.write_text("\n".join(json.dumps(e) for e in (RUN, visit(), visit(run="two"))) + "\n{}\n")
    assert [e["run"] for e in report.load(log, ["two"])] == ["two"]
    assert len(report.load(log)) == 3
