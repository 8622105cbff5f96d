"""Suites: every cell once, cells of a file together, and what cannot be meant."""
import pytest
import suite


def test_names_are_unique_and_all_is_everything():
    names = [cell.name for cell in suite.SUITES["all"]]
    assert len(names) == len(set(names))
    assert {cell for cells in suite.SUITES.values() for cell in cells} == set(suite.SUITES["all"])


def test_cells_of_a_file_come_together():
    files = suite.cells_of("all")
    assert [cell.what for cell in files["qwen2.5-1.5b-q4_k_m"]].count("single") == 3  # With the two tiers.
    assert list(suite.cells_of("all", "-bf16")) == ["qwen2.5-1.5b-bf16"]


def test_a_file_of_the_users_is_measured_like_the_default():
    assert [cell.name for cell in suite.cells_of_file("/x/mine.gguf")["mine"]] == ["mine single", "mine steps"]


@pytest.mark.parametrize("name, only", [("fast", ""), ("formats", "q9")])
def test_what_is_not_there_is_named(name, only):
    with pytest.raises(SystemExit, match=only or name):
        suite.cells_of(name, only)
