"""Quartiles, ratios, and which visits count."""
import figures
import pytest
from visits import visit


@pytest.mark.parametrize("values, expected", [([3.0], (3, 3, 3)), ([2.0, 1.0], (1.25, 1.5, 1.75)), ([5, 1, 3, 2, 4], (2, 3, 4)),
                                              ([4, 1, 3, 2], (1.75, 2.5, 3.25))])
def test_quartiles_lie_between_their_neighbours(values, expected):
    assert figures.quartiles(values) == pytest.approx(expected)


def test_a_slow_canary_before_or_after_makes_a_visit_not_count():
    good, slow, just, other = visit(0), visit(1), visit(2, read=0.86 * 50), visit(3)
    slow["canaries"][1]["usual_read_gb_per_second"] = 0.84 * 50
    run = [good, slow, just, other]
    assert figures.counted(run) == [good, just, other]
    assert "usual_read_gb_per_second 42.0" in figures.fault(slow, figures.median_canary(run))


def test_one_lucky_canary_spoils_no_visit():
    usual, lucky = [visit(n) for n in range(4)], visit(4, read=80.0)
    assert figures.counted(usual + [lucky]) == usual + [lucky]


def test_time_that_others_took_makes_a_visit_not_count():
    assert figures.counted([visit(0, steal=0.03), visit(1), visit(2, others=0.06), visit(3, others=0.04)]) == [visit(1), visit(3, others=0.04)]


def test_canaries_are_compared_within_a_run_only():
    today, yesterday = visit(0, run="today", read=20.0), visit(0, run="yesterday", read=50.0)
    assert figures.counted([today, yesterday]) == [today, yesterday]


def test_better_canaries_later_in_the_run_unmake_earlier_visits():
    early = visit(0, read=30.0)
    assert figures.counted([early]) == [early]
    assert figures.counted([early, visit(1)]) == [visit(1)]


def test_ratios_are_of_one_visit_and_of_the_best_peer():
    both = visit(ingle={"decode": 30.0}, a={"decode": 10.0}, b={"decode": 15.0})
    alone = visit(ingle={"decode": 30.0})
    assert figures.ratios([both, alone], "ingle", ("a", "b"), "decode") == [2.0]
    assert figures.ratios([both], "ingle", ("a", "b"), "prefill") == []
