"""The names that torchvision's alexnet gives to its weights, and ours."""

import pytest
import torch
from torch import Tensor
from torchvision.models import alexnet  # type: ignore[import-untyped]

from alexcli.errors import UsageError
from alexcli.model.torchvision_weights import download_torchvision, from_torchvision
from alexcli.model.towers import Towers
from tests.conftest import model


@pytest.fixture
def state() -> dict[str, Tensor]:
    """The state dict of torchvision's alexnet, without memory."""
    with torch.device("meta"):
        net = alexnet(weights=None, num_classes=10)
    return dict(net.state_dict())


def test_renamed_weights_are_those_of_owt_in_name_shape_and_order(state: dict[str, Tensor]) -> None:
    with torch.device("meta"):
        owt = Towers(model("model=owt", "model.classes=10"))
    shapes = [(name, tensor.shape) for name, tensor in from_torchvision(state).items()]
    assert shapes == [(name, tensor.shape) for name, tensor in owt.state_dict().items()]


def test_the_prefix_of_data_parallel_is_removed(state: dict[str, Tensor]) -> None:
    prefixed = {f"module.{name}": tensor for name, tensor in state.items()}
    renamed = from_torchvision(prefixed)
    assert renamed["tower0.conv1.weight"] is state["features.0.weight"]


def test_a_download_leaves_standard_output_to_data(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(url: str, **_: object) -> dict[str, str]:
        print(f"Downloading: {url}")
        return {"url": url}

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", load)
    assert str(download_torchvision()["url"]).endswith(".pth")
    assert capsys.readouterr().out == ""


def test_a_missing_and_an_unexpected_weight_are_named(state: dict[str, Tensor]) -> None:
    extended = state | {"features.99.weight": torch.ones(1)}
    with pytest.raises(UsageError, match=r"has features\.99\.weight, which alexnet does not have"):
        from_torchvision(extended)
    del extended["classifier.6.bias"]
    with pytest.raises(UsageError, match=r"lacks classifier\.6\.bias") as caught:
        from_torchvision(extended)
    assert "state_dict()" in (caught.value.hint or "")
