"""Inputs at which the nets of a study have feature maps of the same sizes."""

import pytest

from alexcli.ablation.map_sizes import equal_maps_size
from alexcli.ablation.study import open_study, read_study, settings_of
from alexcli.errors import UsageError
from alexcli.model.shapes import trace
from tests.ablation.test_study import EXPERIMENTS
from tests.conftest import model


@pytest.mark.parametrize(
    ("override", "size"), [("model=alexnet", 227), ("model=tiny", 30), ("model=tiny_cifar", 29)]
)
def test_windows_of_two_and_three_leave_equal_maps(override: str, size: int) -> None:
    models = [model(override), model(override, "model.pool.size=2")]
    assert equal_maps_size(models, largest=256) == size


def test_no_input_is_larger_than_the_images() -> None:
    models = [model("model=tiny_cifar"), model("model=tiny_cifar", "model.pool.size=2")]
    assert equal_maps_size(models, largest=28) == 22


def test_there_is_no_such_input_for_nets_that_differ_everywhere() -> None:
    models = [model("model=tiny"), model("model=tiny", "model.layers.conv1.stride=1")]
    assert equal_maps_size(models, largest=36) is None


@pytest.mark.parametrize("setting", settings_of(read_study("pooling")))
def test_the_nets_of_pooling_have_as_many_parameters_each(setting: str) -> None:
    experiment = EXPERIMENTS.get(setting)
    if experiment:
        study = open_study("pooling", [f"experiment={experiment}", "data.root=images"])
    else:
        study = open_study("pooling", [], setting)
    counts = {
        sum(shape.weights + shape.biases for shape in trace(arm.spec.model)) for arm in study.arms
    }
    assert len(counts) == 1


def test_an_input_at_which_maps_differ_is_refused() -> None:
    with pytest.raises(UsageError, match=r"with model\.input\.size=32 they differ") as caught:
        open_study("pooling", ["model.input.size=32"])
    assert caught.value.hint == "model.input.size=30"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.layers.conv2.kernel=99", "conv2: the kernel of 99 is larger"),
        ("model=resnet18", "non_overlapping of pooling changes nothing"),
    ],
)
def test_nets_without_such_maps_are_refused_for_what_they_are(override: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_study("pooling", [override])
