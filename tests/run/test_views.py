import pytest
import torch
from torch import Tensor

from alexcli.data.transforms import CENTER, TEN_CROPS
from alexcli.errors import RunFailedError
from alexcli.model.towers import Towers
from alexcli.results import Silent
from alexcli.run.build import build_net, build_preprocess
from alexcli.run.trained import Scorer
from tests.conftest import small


class Narrow(Towers):
    """A net whose device holds `room` inputs and no more."""

    room = 6

    def forward(self, x: Tensor, at: object = None) -> Tensor:
        """Fail as a GPU does."""
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().forward(x)


def _scorer(net: Towers, limit: int) -> Scorer:
    preprocess = build_preprocess(small(), None)
    return Scorer(net.eval(), preprocess, bf16=False, limit=limit, reporter=Silent())


def _images(count: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 36, 36, 3), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("limit", [1, 3, 7, 20, 1000])
def test_the_bound_on_memory_changes_no_output_and_is_kept(limit: int) -> None:
    net, images, sizes = build_net(small()), _images(7), []
    net.register_forward_pre_hook(lambda *args: sizes.append(len(args[1][0])))
    found = _scorer(net, limit)(images, TEN_CROPS)
    assert max(sizes) <= limit
    assert sum(sizes) == 70
    preprocess = build_preprocess(small(), None)
    with torch.inference_mode():
        plain = torch.stack([net(preprocess.view(images, v)).softmax(1) for v in TEN_CROPS])
    assert torch.allclose(found, plain, atol=1e-6)
    assert torch.allclose(found[TEN_CROPS.index(CENTER)], _scorer(net, limit)(images, [CENTER])[0])


def test_running_out_of_memory_halves_the_batch_and_goes_on() -> None:
    narrow, images = Narrow(small().model), _images(7)
    scorer = _scorer(narrow, 50)
    found = scorer(images, TEN_CROPS)
    assert scorer.limit == 6
    narrow.room = 10**6
    assert torch.allclose(found, _scorer(narrow, 70)(images, TEN_CROPS), atol=1e-6)


def test_a_device_that_holds_no_picture_ends_the_run() -> None:
    narrow = Narrow(small().model)
    narrow.room = 0
    with pytest.raises(RunFailedError, match="one picture"):
        _scorer(narrow, 8)(_images(2), [CENTER])
