import pytest
import torch

from alexcli.errors import UsageError
from alexcli.weights.state_dict import natural_order, weights_in

WEIGHT = torch.ones(1)


@pytest.mark.parametrize(
    "content",
    [
        {"features.0.weight": WEIGHT},
        {"features.module.0.weight": WEIGHT},  # the ImageNet example of PyTorch
        {"epoch": 90, "state_dict": {"module.features.0.weight": WEIGHT}},
        {"model": {"state_dict": {"_orig_mod.features.0.weight": WEIGHT}}, "optimizer": {}},
        {"state_dict": {"model.features.0.weight": WEIGHT}, "best_acc1": WEIGHT},
        {"model.module.features.0.weight": WEIGHT, "epoch": 3},
    ],
)
def test_wrappers_and_prefixes_are_left_out(content: dict[str, object]) -> None:
    assert list(weights_in(content)) == ["features.0.weight"]


def test_two_weights_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match=r"several weights called features\.0\.weight"):
        weights_in({"module.features.0.weight": WEIGHT, "features.0.weight": WEIGHT})


def test_a_file_without_tensors_has_no_weights() -> None:
    assert weights_in({"epoch": 90, "args": {"lr": 0.1}}) == {}


def test_numbers_in_names_are_sorted_as_numbers() -> None:
    names = ["features.10.weight", "conv1.weight", "features.9.weight"]
    assert sorted(names, key=natural_order) == [
        "conv1.weight",
        "features.9.weight",
        "features.10.weight",
    ]
