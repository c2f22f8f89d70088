"""Parameters that several commands share."""

from typing import get_args

import pytest

from alexcli.cli import options

SHARED = ("Overrides", "FormatOption", "Runs", "TenCrop")


@pytest.mark.parametrize("name", SHARED)
def test_a_shared_parameter_brings_its_own_help(name: str) -> None:
    _, info = get_args(getattr(options, name))
    assert info.help.endswith(".")


def test_a_count_is_at_least_one_and_a_hidden_option_is_not_shown() -> None:
    assert get_args(options.Positive)[1].min == 1
    assert get_args(options.OptionalPositive)[1].min == 1
    assert get_args(options.Hidden)[1].hidden
