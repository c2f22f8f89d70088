import pytest
import torch

from alexcli.analysis import occlusion
from alexcli.errors import UsageError
from alexcli.schema import AnalyzeSpec
from tests.analysis.subjects import tiny_subject


def test_the_worst_place_is_that_of_a_search_by_hand() -> None:
    subject = tiny_subject(shown=1)
    (row,) = occlusion.run(AnalyzeSpec(patch=16), subject).tables[0].records()
    x = subject.preprocess.crop(subject.read_sample().pixels)
    size = x.shape[-1]
    with torch.no_grad():
        index = int(subject.net(x).argmax())
        found = {}
        starts = sorted({*range(0, size - 16, 8), size - 16})
        for top in starts:
            for left in starts:
                covered = x.clone()
                covered[..., top : top + 16, left : left + 16] = 0
                found[top, left] = float(subject.net(covered).softmax(dim=1)[0, index])
    worst = min(found, key=found.__getitem__)
    assert row["lowest p"] == pytest.approx(found[worst], rel=1e-3)
    assert (row["top"], row["left"]) == worst


@pytest.mark.parametrize(("size", "patch"), [(27, 4), (32, 32), (5, 1)])
def test_every_pixel_is_covered_and_no_square_leaves_the_image(size: int, patch: int) -> None:
    places = occlusion.square_places(size, patch)
    assert len(places) == len(set(places))
    assert max(max(place) for place in places) == size - patch
    ones = occlusion.mean_drop(torch.ones(len(places)), places, patch, size)
    torch.testing.assert_close(ones, torch.ones(size, size))


def test_a_square_larger_than_the_image_is_refused() -> None:
    with pytest.raises(UsageError, match="patch=99 is larger than the net's input of") as caught:
        occlusion.run(AnalyzeSpec(patch=99), tiny_subject())
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("patch=")
