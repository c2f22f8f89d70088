import pytest

from alexcli.analysis import neighbors
from alexcli.errors import UsageError
from alexcli.records.analysis import TilesPanel
from alexcli.schema import AnalyzeSpec
from tests.analysis.subjects import tiny_subject


def test_an_image_of_the_training_set_is_its_own_nearest_neighbour_in_both_spaces() -> None:
    analysis = neighbors.run(AnalyzeSpec(nearest=2), tiny_subject(shown=3))
    _, all_neighbors = analysis.tables
    first = [row for row in all_neighbors.records() if row["rank"] == 1]
    assert [row["space"] for row in first] == ["fc7"] * 3 + ["pixels"] * 3
    assert [row["training image"] for row in first] == [0, 1, 2, 0, 1, 2]
    assert all(row["distance"] == pytest.approx(0, abs=1e-4) for row in first)


def test_same_class_is_the_fraction_of_neighbours_with_the_label_of_their_image() -> None:
    analysis = neighbors.run(AnalyzeSpec(nearest=4), tiny_subject(shown=3))
    summary, all_neighbors = analysis.tables
    for row in summary.records():
        near = [n for n in all_neighbors.records() if n["space"] == row["space"]]
        matches = [n["class"] == n["label"] for n in near]
        assert row["same class"] == pytest.approx(sum(matches) / 12)


def test_each_row_of_tiles_is_an_image_and_its_neighbours() -> None:
    subject = tiny_subject(shown=3)
    in_layer, in_pixels = neighbors.run(AnalyzeSpec(nearest=2, layer="conv1"), subject).panels
    assert isinstance(in_layer, TilesPanel)
    assert isinstance(in_pixels, TilesPanel)
    assert in_layer.title.startswith("nearest in conv1, ")
    assert in_pixels.tiles.shape == (3, 3, *subject.read_sample().pixels.shape[1:])
    assert (in_pixels.tiles[:, 0] == in_pixels.tiles[:, 1]).all()
    assert in_pixels.captions[:2] == ["class 0", "class 0"]


def test_more_neighbours_than_training_images_are_refused() -> None:
    with pytest.raises(UsageError, match="nearest=41"):
        neighbors.run(AnalyzeSpec(nearest=41), tiny_subject(training=40))
