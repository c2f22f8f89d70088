"""What differs between two configurations."""

import functools

import pytest

from alexcli.config.compose import compose
from alexcli.config.diff import Difference, describe_choice, describe_values, differences
from alexcli.errors import UsageError
from alexcli.schema import TrainSpec


def diff_choices(left: str, right: str) -> dict[str, Difference]:
    """The differences of two choices, by key."""
    rows = differences(described(left), described(right))
    return {row.key: row for row in rows}


@functools.cache
def described(choice: str) -> dict[str, str]:
    """The values of a choice, composed once for all tests."""
    return describe_choice(choice)


def test_equal_values_are_no_difference() -> None:
    assert differences({"a": "1", "b": "2"}, {"a": "1", "b": "3"}) == [Difference("b", "2", "3")]
    assert diff_choices("model=alexnet", "model=alexnet") == {}


def test_a_key_that_one_side_lacks_is_absent() -> None:
    assert differences({"a": "1"}, {"b": "2"}) == [
        Difference("a", "1", "(absent)"),
        Difference("b", "(absent)", "2"),
    ]


def test_paper_and_code_differ_in_nine_values_of_the_model() -> None:
    rows = diff_choices("model=alexnet", "model=alexnet_145")
    assert rows["model.lrn.convention"] == Difference("model.lrn.convention", "paper", "code")
    ops = rows["model.layers.conv1.ops"]
    assert (ops.left, ops.right) == ("act, norm, pool", "norm, pool, act")
    assert len(rows) == 9


def test_the_name_of_a_file_is_no_difference() -> None:
    assert "model.name" not in diff_choices("model=alexnet", "model=alexnet_145")


def test_a_lone_layer_is_one_difference() -> None:
    rows = diff_choices("model=cifar_26", "model=cifar_19")
    assert list(rows) == ["model.layers.fc64", "model.layers.fc10.std"]
    assert (rows["model.layers.fc64"].left, rows["model.layers.fc64"].right) == (
        "present",
        "(absent)",
    )


def test_a_removed_layer_is_absent() -> None:
    whole = describe_values(compose(["experiment=null"], TrainSpec))
    shorter = describe_values(compose(["experiment=null", "model.layers.conv4=null"], TrainSpec))
    assert differences(whole, shorter) == [Difference("model.layers.conv4", "present", "(absent)")]


def test_a_lone_parameter_group_is_described_in_full() -> None:
    rows = diff_choices("optim=paper", "optim=code_145")
    assert rows["optim.groups.conv1_biases"].right == "present"
    assert rows["optim.groups.conv1_biases.pattern"].right == "conv1.bias"


def test_a_schedule_is_one_phrase() -> None:
    row = diff_choices("optim=paper", "optim=code_145")["optim.groups.weights.lr"]
    assert row.left == "1, divided on plateaus"
    assert row.right.startswith("1, 0.1 from epoch 25, 0.01 from epoch 51")


def test_layers_of_a_net_of_torchvision_are_absent() -> None:
    rows = diff_choices("model=alexnet", "model=resnet18")
    assert rows["model.layers.conv1"].right == "(absent)"
    assert rows["model.torchvision"].right == "resnet18"


def test_an_experiment_is_described_in_all_groups_and_a_choice_in_its_own() -> None:
    assert described("experiment=cifar_26")["label"] == "cifar_26"
    assert all(key.startswith("optim.") for key in described("optim=paper"))


@pytest.mark.parametrize("choice", ["alexnet", "nothing=alexnet"])
def test_a_side_that_is_no_choice_is_refused_with_the_groups(choice: str) -> None:
    with pytest.raises(UsageError, match="neither a run nor GROUP=CHOICE") as refused:
        describe_choice(choice)
    assert "augment, data, eval" in (refused.value.hint or "")


@pytest.mark.parametrize("net", ["cifar_11", "cifar_18", "cifar_19"])
def test_a_short_ladder_differs_in_its_schedule_alone(net: str) -> None:
    rows = diff_choices(f"experiment={net}", f"experiment={net}_short")
    schedules = {key for key in rows if key.startswith("optim.groups.") and key.endswith(".lr")}
    assert set(rows) == {"label", "optim.epochs", *schedules}


def test_the_authors_schedules_on_both_years_are_those_of_the_notes() -> None:
    rows = diff_choices("experiment=ilsvrc2012_145", "experiment=ilsvrc2010_145")
    schedule = rows["optim.groups.weights.lr"]
    assert schedule.left == "1, 0.1 from epoch 25, 0.01 from epoch 51, 0.001 from epoch 79"
    assert schedule.right == "1, 0.1 from epoch 23, 0.01 from epoch 51, 0.001 from epoch 78"
    assert (rows["optim.epochs"].left, rows["optim.epochs"].right) == ("91", "93")
    assert rows["optim.groups.conv1_weights.lr"].right.endswith(
        "0.001 from epoch 68, 0 from epoch 72"
    )
    noise = rows["augment.pca.last_epoch"]
    assert (noise.left, noise.right) == ("66", "67")
