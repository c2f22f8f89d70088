import numpy as np
import pytest

from alexcli.data.open import open_dataset
from alexcli.data.statistics import Statistics
from alexcli.errors import UsageError
from alexcli.records.analysis import TilesPanel
from alexcli.reporter import NullReporter
from alexcli.run.data_report import component_tiles, preview_of, statistics_of
from tests.conftest import small


def test_statistics_are_those_of_the_training_images() -> None:
    spec = small()
    analysis = statistics_of(spec, NullReporter())
    train = open_dataset(spec.data).train
    pixels = train.fetch(range(len(train))).reshape(-1, 3).astype(np.float64)
    assert analysis.data["images"] == len(train) == 150
    assert np.allclose(analysis.data["channel_means"], pixels.mean(axis=0))
    assert np.allclose(analysis.data["channel_stds"], pixels.std(axis=0))
    assert np.allclose(analysis.data["covariance"], np.cov(pixels.T, bias=True))


def test_images_that_are_held_out_stay_out_as_in_training() -> None:
    spec = small("data.val=0.2")
    analysis = statistics_of(spec, NullReporter())
    assert analysis.data["images"] == len(open_dataset(spec.data).train) == 120


def test_the_table_has_a_row_for_each_quantity_and_a_column_for_each_channel() -> None:
    analysis = statistics_of(small(), NullReporter())
    rows = analysis.tables[0].records()
    assert [row["quantity"].partition(",")[0] for row in rows] == [
        "channel mean",
        "channel standard deviation",
        *["covariance"] * 3,
        *[f"component {number}" for number in (1, 2, 3)],
    ]
    assert [rows[0][channel] for channel in "RGB"] == analysis.data["channel_means"]
    note = analysis.tables[0].note or ""
    assert f"{analysis.data['noise']['stdev'][0]:.2f}" in note
    assert "taking section 4.1 literally" in note


def test_the_mean_image_is_the_only_tile() -> None:
    spec = small()
    (panel,) = statistics_of(spec, NullReporter()).panels
    assert isinstance(panel, TilesPanel)
    train = open_dataset(spec.data).train
    mean_image = train.fetch(range(len(train))).mean(axis=0)
    assert panel.tiles.shape == (1, 1, *mean_image.shape)
    assert np.abs(panel.tiles[0, 0] - mean_image).max() <= 0.5 + 1e-9


def test_a_preview_shows_the_image_the_mean_the_components_and_ten_views() -> None:
    spec = small("augment=none")
    (panel,) = preview_of(spec, 3, NullReporter()).panels
    assert isinstance(panel, TilesPanel)
    assert panel.tiles.shape == (3, 5, 512, 512, 3)
    assert len(panel.captions) == 15
    assert panel.captions[:2] == ["stored image", "mean image"]
    assert panel.captions[5:] == [f"view of epoch {epoch}" for epoch in range(1, 11)]
    stored = open_dataset(spec.data).train.fetch([3])[0]
    assert np.array_equal(panel.tiles[0, 0, 256, 256], stored[18, 18])
    views = panel.tiles.reshape(15, 512, 512, 3)[5:]
    assert (views == views[:1]).all()  # the same centre crop in every epoch, without augmentation


@pytest.mark.parametrize(
    "augment",
    [
        ["augment=torchvision"],
        ["augment=none", "augment.mean=none"],
        ["augment=none", "augment.mean=channel", "augment.pixel_scale=0.5"],
    ],
)
def test_a_preview_undoes_the_normalization_whatever_it_is(augment: list[str]) -> None:
    spec = small(*augment, "augment.crop=center", "augment.horizontal_flip=false")
    (panel,) = preview_of(spec, 3, NullReporter()).panels
    assert isinstance(panel, TilesPanel)
    stored = open_dataset(spec.data).train.fetch([3])[0]
    view = panel.tiles.reshape(15, 512, 512, 3)[5]
    # 36 pixels are stored and the middle 32 of them cropped, each drawn as 16 x 16.
    assert np.abs(view[8::16, 8::16].astype(int) - stored[2:34, 2:34]).max() <= 1


@pytest.mark.parametrize("scale", [1, 40])
def test_no_colour_of_a_component_saturates(scale: int) -> None:
    """A channel that reaches 0 or 255 reaches it at the very edge."""
    statistics = Statistics(
        count=2,
        covariance=scale * np.diag([100.0, 9.0, 1.0]),
        mean_image=np.full((4, 4, 3), [120.0, 128.0, 90.0]),
    )
    for caption, tile in component_tiles(statistics).items():
        inner = tile[:, 20:-20]
        assert inner.min() > 0
        assert inner.max() < 255
        assert ("-3 to 3 stdev" in caption) == (scale == 1 or "component 1" not in caption)


@pytest.mark.parametrize("index", [-1, 150])
def test_an_index_outside_of_the_training_set_is_refused(index: int) -> None:
    message = f"--index {index} is not one of the 150 training images"
    with pytest.raises(UsageError, match=message) as caught:
        preview_of(small(), index, NullReporter())
    assert "0 to 149" in (caught.value.hint or "")
