import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from alexcli.analysis import embedding
from alexcli.data.images import ArrayImages
from alexcli.errors import UsageError
from alexcli.records.analysis import ScatterPanel
from alexcli.schema import AnalyzeSpec, LayerPoint
from tests.analysis.subjects import noise_dataset, tiny_subject

SPEC = AnalyzeSpec(layer="conv1", at=LayerPoint.product, perplexity=5.0, points=40)


def test_groups_stay_together_and_the_same_command_makes_the_same_plane() -> None:
    labels = np.arange(40) % 2
    noise = np.random.default_rng(0).integers(0, 30, (40, 32, 32, 3))
    images = ArrayImages((noise + 200 * labels[:, None, None, None]).astype(np.uint8), labels)
    dataset = noise_dataset(images, ["dark", "bright"])
    subject = replace(tiny_subject(), dataset=lambda _: dataset)
    first, second = (embedding.run(replace(SPEC, images="DIR"), subject) for _ in range(2))
    assert all(row["same class"] > 0.9 for row in first.tables[0].records())
    assert first.tables[1].records() == second.tables[1].records()
    (panel,) = first.panels
    assert isinstance(panel, ScatterPanel)
    assert list(panel.classes[:2]) == ["dark", "bright"]
    assert panel.images is None


def test_images_stand_in_the_places_of_dots() -> None:
    (panel,) = embedding.run(replace(SPEC, points=12, thumbnails=True), tiny_subject()).panels
    assert isinstance(panel, ScatterPanel)
    assert panel.images is not None
    assert panel.images.shape == (12, 36, 36, 3)


def test_nearest_rows_leave_the_image_itself_out() -> None:
    rows = embedding.nearest_rows(np.array([[0.0], [1.0], [3.0]], np.float32), 1)
    assert rows.tolist() == [[1], [0], [1]]


def test_nearest_rows_tell_close_vectors_apart_however_far_from_the_origin() -> None:
    steps = np.random.default_rng(0).permutation(60).astype(np.float32)
    vectors = np.stack([1000 + steps / 1024, np.full_like(steps, 1000)], axis=1)
    rows = embedding.nearest_rows(vectors, 1)[:, 0]
    assert (np.abs(steps[rows] - steps) == 1).all()


def test_a_perplexity_of_more_than_all_images_is_refused() -> None:
    with pytest.raises(UsageError, match="perplexity=30 must be less than the 20 images") as caught:
        embedding.run(AnalyzeSpec(points=20), tiny_subject())
    assert caught.value.hint == "perplexity=6"


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="needs scikit-learn") as caught:
        embedding.run(SPEC, tiny_subject())
    assert caught.value.hint == "python -m pip install 'alexcli[analysis]'"
