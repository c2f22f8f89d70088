"""What the functions of Python's interface share."""

import pytest

from alexcli.api.arguments import (
    check_count,
    check_one_net,
    check_overrides,
    check_word,
    reporter_of,
)
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter


def test_no_progress_is_shown_where_none_is_asked_for() -> None:
    assert isinstance(reporter_of(progress=False), NullReporter)
    reporter = reporter_of(progress=True)
    assert not isinstance(reporter, NullReporter)
    reporter.close()


def test_a_word_that_is_not_taken_is_refused() -> None:
    check_word("split", "val", ["val", "test"])
    with pytest.raises(UsageError, match="split='tset' is not one of val, test"):
        check_word("split", "tset", ["val", "test"])


@pytest.mark.parametrize("override", [["seed=1"], 5, None, {"seed": 1}])
def test_an_override_that_is_no_string_is_refused(override: object) -> None:
    check_overrides('train("seed=1")', ["seed=1", "label=mine"])
    with pytest.raises(UsageError, match=r"overrides are strings, and .* is a ") as refused:
        check_overrides('train("seed=1")', ["label=mine", override])
    assert type(override).__name__ in refused.value.message
    assert (refused.value.hint or "").startswith('train("seed=1")')


def test_several_values_of_a_key_are_refused_without_words_about_shells() -> None:
    check_one_net("build", ["model.classes=3"])
    with pytest.raises(
        UsageError, match="'seed=1,2' lists several values, and build takes one"
    ) as refused:
        check_one_net("build", ["seed=1,2"])
    assert 'for value in ...: alexcli.build(..., f"seed={value}")' in (refused.value.hint or "")


@pytest.mark.parametrize("value", [0, 6, "5"])
def test_a_count_out_of_range_is_refused(value: int) -> None:
    check_count("top", 5, 5, hint="top=5")
    with pytest.raises(UsageError, match=f"top={value!r} is not a whole number from 1 to 5"):
        check_count("top", value, 5, hint="top=5")
