"""Values of another kind than their keys, in yaml files of the user's own."""

from pathlib import Path

import pytest

from alexcli.ablation.study import read_study
from alexcli.config.compose import compose
from alexcli.config.sections import check_values
from alexcli.errors import UsageError
from alexcli.schema import TrainSpec


def write(name: str, text: str) -> Path:
    """A file of ./conf."""
    path = Path("conf", name).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("optim: 3\n", 2, "optim is a single value, and takes keys", "optim: {kind: VALUE}"),
        ("optim: [1, 2]\n", 2, "optim is a list, and takes keys", "optim: {kind: VALUE}"),
        ("model:\n  layers: [conv1]\n", 3, "model.layers is a list", "layers: {KEY: VALUE}"),
        (
            "model: {layers: {conv1: {ops: {act: 1}}}}\n",
            2,
            "model.layers.conv1.ops is keys with values, and takes a list",
            "ops: [VALUE, VALUE]",
        ),
        ("seed: [1, 2]\n", 2, "seed is a list, and takes a single value", "seed: VALUE"),
    ],
)
def test_a_value_of_another_kind_is_named_with_its_line(
    text: str, line: int, message: str, hint: str
) -> None:
    path = write("experiment/bad.yaml", f"# @package _global_\n{text}")
    with pytest.raises(UsageError) as refused:
        compose(["experiment=bad"], TrainSpec)
    assert refused.value.message.startswith(f"{path}:{line}: {message}")
    assert refused.value.hint == hint


def test_a_section_that_a_file_fills_is_that_of_its_group() -> None:
    path = write("model/bad.yaml", "name: bad\nlayers: {conv1: 3}\n")
    with pytest.raises(UsageError) as refused:
        compose(["model=bad"], TrainSpec)
    assert refused.value.message.startswith(f"{path}:2: model.layers.conv1 is a single value")


def test_a_layer_may_be_null() -> None:
    check_values(Path("mine.yaml"), {"model": {"layers": {"conv3": None}}}, TrainSpec)


def test_an_experiment_without_its_first_line_is_told_so() -> None:
    path = write("experiment/bad.yaml", "optim: {lr: 0.1}\n")
    with pytest.raises(UsageError) as refused:
        compose(["experiment=bad"], TrainSpec)
    assert refused.value.message == (
        f"{path}:1: an experiment begins with the line `# @package _global_`"
    )


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ("[optim.lr=3]", ":2: arms is a list, and takes keys with values"),
        ("{small: [optim.lr=3]}", ":2: arms.small is a list, and takes keys with values: change"),
        ("{small: {change: optim.lr}}", ":2: arms.small.change is a single value"),
        ("{small: }", ":2: arms.small is empty, and takes keys with values"),
        (
            "{small: {optim.lr: 3}}",
            ": arms.small has the key optim.lr, which belongs under its `change`",
        ),
    ],
)
def test_a_study_with_a_value_of_another_kind_is_refused(arms: str, message: str) -> None:
    path = write("ablation/bad.yaml", f"claim: mine\narms: {arms}\n")
    with pytest.raises(UsageError) as refused:
        read_study("bad")
    assert refused.value.message.startswith(f"{path}{message}")
    assert refused.value.hint
