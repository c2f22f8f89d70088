"""A curve in one line of text."""

from alexcli.render.sparkline import MOST_BLOCKS, sparkline


def test_heights_follow_the_values_between_the_extremes() -> None:
    assert sparkline([0.9, 0.5, 0.1]) == "█▅▁"


def test_equal_values_are_a_flat_line() -> None:
    assert sparkline([0.5, 0.5]) == "▁▁"
    assert sparkline([0.5]) == "▁"


def test_many_values_are_thinned_but_for_the_first_and_the_last() -> None:
    line = sparkline([1.0, *[0.5] * 200, 0.0])
    assert len(line) == MOST_BLOCKS
    assert (line[0], line[-1]) == ("█", "▁")
