"""Composing configurations from yaml files and overrides."""

import shutil
from pathlib import Path

import pytest

from alexcli.config.compose import compose
from alexcli.config.files import conf_dir
from alexcli.errors import UsageError
from alexcli.model.shapes import active_layers
from alexcli.schema import AnalyzeSpec, PrepareSpec, TrainSpec


def test_nothing_means_the_quick_start_and_data_means_not() -> None:
    assert compose([], TrainSpec).label == "quickstart"
    assert compose(["optim.epochs=3"], TrainSpec).label == "quickstart"
    other = compose(["data=folder"], TrainSpec)
    assert other.label is None
    assert other.model.name == "alexnet"
    assert other.optim.lr == 0.01


def test_no_experiment_can_be_chosen() -> None:
    assert compose(["experiment=null"], TrainSpec).label is None


@pytest.mark.parametrize(
    ("override", "message", "hint"),
    [
        ("model=alexnt", "model='alexnt' does not exist", "did you mean model=alexnet?"),
        ("experiment=quikstart", "does not exist", "did you mean experiment=quickstart?"),
        ("model=xyz", "there are alexnet, alexnet_145, ", "alexcli config list model"),
        ("~model=caffenet", "'~model=caffenet' leaves no model", "model=CHOICE"),
        ("data=null", "'data=null' leaves no data", "data=CHOICE"),
        ("model@other=tiny", "leaves no model", "model=CHOICE"),
        ("seed=???", "seed has no value", "seed=VALUE"),
    ],
)
def test_a_bad_choice_is_refused_with_what_to_type(override: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        compose([override], TrainSpec)
    assert message in refused.value.message
    assert hint in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("data=toy", "data=synthetic"),
        ("placement=ranks", "placement=distributed"),
        ("model=no_talk", "model=no_communication"),
    ],
)
def test_the_former_name_of_a_choice_is_answered_with_the_present_one(
    override: str, meant: str
) -> None:
    with pytest.raises(UsageError) as refused:
        compose([override], TrainSpec)
    assert refused.value.hint == f"did you mean {meant}?"


def test_a_typo_inside_a_yaml_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(conf_dir(), conf)
    (conf / "optim/typo.yaml").write_text("# x\nepocs: 3\n")
    monkeypatch.setattr("alexcli.config.files.conf_dir", lambda: conf)
    monkeypatch.setattr("alexcli.config.composition.conf_dir", lambda: conf)
    with pytest.raises(UsageError) as refused:
        compose(["data=synthetic", "optim=typo"], TrainSpec)
    assert "optim.epocs" in refused.value.message
    assert refused.value.hint == "did you mean optim.epochs?"


def test_a_layer_is_added_and_removed_by_its_key() -> None:
    six = compose(["model.layers.conv6={filters: 256, kernel: 3, pad: 1, ops: [act]}"], AnalyzeSpec)
    assert list(active_layers(six.model))[4:7] == ["conv5", "conv6", "fc6"]
    four = compose(["model.layers.conv4=null"], AnalyzeSpec)
    assert "conv4" not in active_layers(four.model)


def test_typed_steps_replace_those_of_the_file() -> None:
    spec = compose(["optim.groups.weights.lr.steps={5: 0.1}"], TrainSpec)
    group = spec.optim.groups["weights"]
    assert group is not None
    assert group.lr.steps == {5: 0.1}


def test_a_store_is_prepared_without_groups() -> None:
    with pytest.raises(UsageError, match="unknown key 'model'; alexcli data prepare has size"):
        compose(["model=tiny"], PrepareSpec)
    assert compose(["size=64"], PrepareSpec).size == 64


def test_a_changed_configuration_does_not_change_the_next_one() -> None:
    overrides = ["experiment=quickstart"]
    expected = compose(overrides, TrainSpec)
    changed = compose([*overrides, "model.layers.conv4=null"], TrainSpec)
    changed.model.layers.clear()
    assert compose(overrides, TrainSpec) == expected
