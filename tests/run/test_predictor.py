import pytest
import torch
from torch import Tensor

from alexcli.data.transforms import CENTER_CROP, TEN_CROPS
from alexcli.errors import RunFailedError
from alexcli.model.towers import Towers
from alexcli.reporter import NullReporter
from alexcli.run.build import build_net, build_preprocess
from alexcli.run.predictor import Predictor
from tests.conftest import small


class LimitedNet(Towers):
    """A net whose device has memory for `room` inputs and no more."""

    room = 6

    def forward(self, x: Tensor, context: object = None) -> Tensor:
        """Fail as a GPU does."""
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().forward(x)


def _predictor(net: torch.nn.Module, limit: int) -> Predictor:
    preprocess = build_preprocess(small(), None)
    return Predictor(net.eval(), preprocess, bf16=False, limit=limit, reporter=NullReporter())


def _images(count: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 36, 36, 3), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("limit", [1, 3, 7, 20, 1000])
def test_the_limit_is_kept_and_changes_no_output(limit: int) -> None:
    net = build_net(small())
    images = _images(7)
    sizes: list[int] = []
    net.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    outputs = _predictor(net, limit)(images, TEN_CROPS)
    assert max(sizes) <= limit
    assert sum(sizes) == 70
    preprocess = build_preprocess(small(), None)
    with torch.inference_mode():
        expected = torch.stack(
            [net(preprocess.crop(images, view)).softmax(1) for view in TEN_CROPS]
        )
    assert torch.allclose(outputs, expected, atol=1e-6)
    center = _predictor(net, limit)(images, [CENTER_CROP])[0]
    assert torch.allclose(outputs[TEN_CROPS.index(CENTER_CROP)], center)


def test_running_out_of_memory_halves_the_limit_and_continues() -> None:
    net = LimitedNet(small().model)
    images = _images(7)
    predictor = _predictor(net, 50)
    outputs = predictor(images, TEN_CROPS)
    assert predictor.limit == 6
    net.room = 10**6
    assert torch.allclose(outputs, _predictor(net, 70)(images, TEN_CROPS), atol=1e-6)


def test_a_device_without_room_for_one_image_ends_the_run() -> None:
    net = LimitedNet(small().model)
    net.room = 0
    with pytest.raises(RunFailedError, match="one image"):
        _predictor(net, 8)(_images(2), [CENTER_CROP])
