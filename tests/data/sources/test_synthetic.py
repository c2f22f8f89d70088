import numpy as np
import pytest

from alexcli.data import synthetic
from alexcli.data.open import open_dataset
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, Source


def _spec(**keys: object) -> DataSpec:
    counts = {"train_count": 20, "val_count": 10}
    return DataSpec(source=Source.synthetic, size=36, **(counts | keys))  # type: ignore[arg-type]


def test_the_splits_are_those_that_are_drawn() -> None:
    dataset = open_dataset(_spec(seed=3))
    assert dataset.classes == list(synthetic.CLASSES)
    assert (len(dataset.train), len(dataset.val), len(dataset.test or [])) == (20, 10, 10)
    images, labels = synthetic.draw("val", 10, size=36, seed=3)
    assert np.array_equal(dataset.val.fetch(range(10)), images)
    assert np.array_equal(dataset.val.labels, labels)


@pytest.mark.parametrize("change", [{"train_count": 30}, {"val_count": 20}, {"seed": 1}])
def test_the_fingerprint_follows_counts_and_seed(change: dict[str, int]) -> None:
    assert open_dataset(_spec()).fingerprint != open_dataset(_spec(**change)).fingerprint


@pytest.mark.parametrize("keys", [{"root": "/photos"}, {"download": True}])
def test_keys_without_effect_are_refused(keys: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        open_dataset(_spec(**keys))
    assert "data=folder" in (caught.value.hint or "")
