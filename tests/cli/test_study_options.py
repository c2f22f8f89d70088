"""How many seeds a study takes, how exactly and for how long."""

import pytest

from alexcli.ablation.precision import AutoSeeds
from alexcli.cli.study_options import auto_seeds, parse_budget, parse_seeds
from alexcli.errors import UsageError


def test_seeds_are_auto_or_a_number() -> None:
    assert parse_seeds("auto") is None
    assert parse_seeds("12") == 12


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", "", "1001", "9" * 33])
def test_other_seeds_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="neither auto nor a number"):
        parse_seeds(text)


@pytest.mark.parametrize(
    ("text", "minutes"), [(None, None), ("30", 30), ("90m", 90), ("1.5h", 90), ("2d", 2880)]
)
def test_a_budget_is_a_time(text: str | None, minutes: float | None) -> None:
    assert parse_budget(text) == minutes


@pytest.mark.parametrize("text", ["0", "-5", "soon", "5s", "1e9", "inf", "nan"])
def test_another_budget_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        parse_budget(text)


def test_points_become_a_fraction() -> None:
    assert auto_seeds(None, 0.5, "1h") == AutoSeeds(precision=0.005, minutes=60)
    assert auto_seeds(None, None, None) == AutoSeeds()
    assert auto_seeds(3, None, None) is None


@pytest.mark.parametrize("precision", [0.0, -1.0, float("nan"), float("inf"), 51.0])
def test_a_precision_that_is_none_is_refused(precision: float) -> None:
    with pytest.raises(UsageError, match="is not above 0 and at most 50 points"):
        auto_seeds(None, precision, None)


def test_one_seed_has_no_interval_to_be_precise() -> None:
    with pytest.raises(UsageError, match="one seed has no interval"):
        auto_seeds(1, 0.5, None)


def test_a_number_of_seeds_takes_no_budget() -> None:
    with pytest.raises(UsageError, match="--seeds already sets it") as error:
        auto_seeds(5, None, "20")
    assert error.value.hint == "leave out --budget, or --seeds 5"
