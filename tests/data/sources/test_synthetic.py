import numpy as np
import pytest

from alexcli.data import synthetic
from alexcli.data.open import open_dataset
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, SceneSpec, Source


def _spec(**keys: object) -> DataSpec:
    counts = {"train_count": 20, "val_count": 10, "test_count": 30}
    return DataSpec(source=Source.synthetic, size=36, **(counts | keys))  # type: ignore[arg-type]


def test_the_splits_are_those_that_are_drawn() -> None:
    dataset = open_dataset(_spec(seed=3))
    assert dataset.classes == list(synthetic.CLASSES)
    assert (len(dataset.train), len(dataset.val), len(dataset.test or [])) == (20, 10, 30)
    images, labels = synthetic.draw("val", 10, size=36, seed=3)
    assert np.array_equal(dataset.val.fetch(range(10)), images)
    assert np.array_equal(dataset.val.labels, labels)


@pytest.mark.parametrize("change", [{"train_count": 30}, {"val_count": 20}, {"seed": 1}])
def test_the_fingerprint_follows_counts_and_seed(change: dict[str, int]) -> None:
    assert open_dataset(_spec()).fingerprint != open_dataset(_spec(**change)).fingerprint


def test_test_images_are_drawn_when_they_are_asked_for() -> None:
    test = open_dataset(_spec()).test
    assert test is not None
    images, labels = synthetic.draw("test", 30, size=36, seed=0)
    assert np.array_equal(test.labels, labels)
    assert np.array_equal(test.fetch([3, 1]), images[[3, 1]])
    part = test.subset(np.array([5, 6, 7])).subset(np.array([2, 0]))
    assert np.array_equal(part.fetch([0, 1]), images[[7, 5]])
    assert part.labels.tolist() == [7, 5]
    assert test.names()[:2] == ["0", "1"]


def test_the_number_of_test_images_is_no_part_of_the_fingerprint() -> None:
    assert open_dataset(_spec()).fingerprint == open_dataset(_spec(test_count=40)).fingerprint


def test_held_out_images_may_have_a_light_of_their_own() -> None:
    scene = SceneSpec(contrast=[1, 1], held_out_contrast=[0.1, 0.2])
    dataset = open_dataset(_spec(scene=scene))
    assert dataset.test is not None
    spreads = [images.fetch(range(10)).std() for images in (dataset.train, dataset.val)]
    assert spreads[1] < spreads[0] / 2
    assert dataset.test.fetch(range(10)).std() < spreads[0] / 2
    assert dataset.fingerprint != open_dataset(_spec()).fingerprint


@pytest.mark.parametrize("contrast", [[1], [1, 0.5], [-0.1, 1], [0, 1, 2]])
def test_a_range_that_is_none_is_refused(contrast: list[float]) -> None:
    with pytest.raises(UsageError, match=r"data.scene.contrast=.* is not a range of factors"):
        open_dataset(_spec(scene=SceneSpec(contrast=contrast)))


@pytest.mark.parametrize("keys", [{"root": "/photos"}, {"download": True}])
def test_keys_without_effect_are_refused(keys: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        open_dataset(_spec(**keys))
    assert "data=folder" in (caught.value.hint or "")
