"""Nets from Python: built, trained, counted."""

from typing import Any

import pytest
import torch

import alexcli
from alexcli.errors import UsageError
from tests.conftest import SMALL


def test_a_net_is_built_with_the_weights_of_its_seed() -> None:
    net = alexcli.build("tiny", "model.classes=7", seed=3)
    assert net(torch.zeros(2, 3, net.spec.input.size, net.spec.input.size)).shape == (2, 7)
    again = alexcli.build("tiny", "model.classes=7", seed=3)
    other = alexcli.build("tiny", "model.classes=7")
    weights = [next(each.parameters()) for each in (net, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    with pytest.raises(UsageError, match="does not exist"):
        alexcli.build("alexnt")


def test_the_counts_are_those_of_the_paper() -> None:
    assert alexcli.params("alexnet")["totals"]["params"] == 60_965_224
    assert alexcli.params("alexnet", "batch=1")["batch"] == 1


def test_a_placement_of_several_processes_is_left_to_the_command_line() -> None:
    with pytest.raises(UsageError, match="placement=distributed needs several processes") as error:
        alexcli.train("placement=distributed", progress=False)
    assert error.value.hint == "alexcli train placement=distributed"


def test_a_list_of_values_is_answered_with_a_loop() -> None:
    with pytest.raises(UsageError, match="'seed=0,1' lists several values") as error:
        alexcli.train("experiment=quickstart", "seed=0,1", progress=False)
    assert 'for value in ...: alexcli.train(..., f"seed={value}")' in (error.value.hint or "")


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("train", (["seed=1"],)),
        ("train", (5,)),
        ("build", ("tiny", ["model.classes=3"])),
        ("params", ("alexnet", None)),
        ("ablate", ("lrn", ["seed=1"])),
        ("load", ("quickstart", ["data.root=x"])),
    ],
)
def test_overrides_that_are_no_strings_are_refused(function: str, arguments: tuple[Any]) -> None:
    with pytest.raises(UsageError, match="overrides are strings"):
        getattr(alexcli, function)(*arguments)


def test_a_word_that_resume_does_not_take_is_answered_with_those_it_takes() -> None:
    with pytest.raises(UsageError, match=r"maybe.*, and it is neither auto nor never"):
        alexcli.train(*SMALL, resume="maybe", progress=False)
