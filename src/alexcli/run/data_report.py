"""What `alexcli data stats` and `alexcli data preview` show of a data set."""

from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from alexcli.data.cached_statistics import training_statistics
from alexcli.data.dataset import Dataset
from alexcli.data.open import TEST_AS_VAL, VAL_OF_THE_DATA, open_dataset
from alexcli.data.statistics import Statistics
from alexcli.errors import UsageError
from alexcli.records.analysis import Analysis, TilesPanel
from alexcli.reporter import Reporter
from alexcli.schema import Mean, TrainSpec
from alexcli.tables import Table

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

SIGMA = 0.1
"""Standard deviation of the colour noise's factor (section 4.1)."""

VIEWS = 10
"""Augmented images on a preview."""

MOST_STDEVS = 3.0
"""Largest shift of the mean colour along a component in a preview, in standard deviations."""

SHEET = (3, 5)
"""Rows and columns of a preview: the stored image, the mean, three components, and the views."""

TILE_SIDE = 512
"""Pixels."""


def open_with_statistics(spec: TrainSpec, reporter: Reporter) -> tuple[Dataset, Statistics]:
    """The images, and the statistics of the training set.

    The data need not have a split `val`; a fraction of the images is left out as in training.

    Args:
        spec: names the data.
        reporter: receives progress updates.

    Raises:
        UsageError: there is no such data, or an image cannot be decoded.
    """
    has_fraction = spec.data.val not in (VAL_OF_THE_DATA, TEST_AS_VAL)
    dataset = open_dataset(spec.data, reporter, train_only=not has_fraction)
    with closing(reporter):
        progress = partial(reporter.progress, "mean image")
        return dataset, training_statistics(dataset, progress)


def statistics_of(spec: TrainSpec, reporter: Reporter) -> Analysis:
    """Mean image, channel means, covariance and colour noise of a training set.

    Args:
        spec: names the data.
        reporter: receives progress updates.

    Returns:
        Its data, in grey levels (0 to 255) or their squares: `{data, images, size, resize,
        channel_means, channel_stds, covariance, eigenvalues, components, noise}`, channels as R,
        G, B; `components` are a unit vector for each of the `eigenvalues`, largest first; `noise`
        is the standard deviation of the colour noise along each, by convention. Its one panel is
        the mean image, a TilesPanel.
    """
    dataset, statistics = open_with_statistics(spec, reporter)
    eigenvalues, vectors = statistics.components()
    data = {
        "data": dataset.fingerprint,
        "images": statistics.count,
        "size": dataset.size,
        "resize": dataset.resize,
        "channel_means": statistics.channel_means.tolist(),
        "channel_stds": (statistics.covariance.diagonal() ** 0.5).tolist(),
        "covariance": statistics.covariance.tolist(),
        "eigenvalues": eigenvalues.tolist(),
        "components": vectors.T.tolist(),
        "noise": {
            "stdev": (SIGMA * eigenvalues**0.5).tolist(),
            "eigenvalue": (SIGMA * eigenvalues).tolist(),
        },
    }
    table = _statistics_table(data)
    means = ", ".join(f"{mean:.1f}" for mean in statistics.channel_means)
    panel = TilesPanel(
        _to_pixels(statistics.mean_image)[None, None],
        title=f"mean of {statistics.count:,} training images",
        inches=4,
    )
    return Analysis(
        table.title,
        [table],
        [panel],
        caption=f"grey levels R, G, B: {means}; data {dataset.fingerprint}",
        data=data,
    )


def _statistics_table(data: dict[str, Any]) -> Table:
    """A row of R, G and B for each quantity.

    Args:
        data: see `statistics_of`.
    """
    records = [
        _channels_row("channel mean", data["channel_means"]),
        _channels_row("channel standard deviation", data["channel_stds"]),
    ]
    for channel, row in zip("RGB", data["covariance"], strict=True):
        records.append(_channels_row(f"covariance, {channel}", row))
    components = zip(data["eigenvalues"], data["components"], strict=True)
    for number, (eigenvalue, component) in enumerate(components, 1):
        quantity = f"component {number}, eigenvalue {eigenvalue:,.1f}"
        records.append(_channels_row(quantity, component))
    stdevs = ", ".join(f"{level:.2f}" for level in data["noise"]["stdev"])
    eigenvalues = ", ".join(f"{level:.1f}" for level in data["noise"]["eigenvalue"])
    note = (
        f"{data['images']:,} images of {data['size']} px ({data['resize']}); grey levels, 0 to "
        f"255. Colour noise of sigma {SIGMA} along components 1, 2, 3: {stdevs} grey levels as in "
        f"the 2012 code (pca.scale=stdev), {eigenvalues} taking section 4.1 literally "
        "(pca.scale=eigenvalue)"
    )
    return Table.from_records("statistics of the training set", records, note)


def _channels_row(quantity: str, levels: list[float]) -> dict[str, Any]:
    """A row of the table of statistics: a number for each of R, G and B."""
    red, green, blue = levels
    return {"quantity": quantity, "R": red, "G": green, "B": blue}


def preview_of(spec: TrainSpec, index: int, reporter: Reporter) -> Analysis:
    """A training image as it is stored, and as the net sees it in ten epochs.

    Args:
        spec: data, augmentation, input size and seed.
        index: which training image.
        reporter: receives progress updates.

    Raises:
        UsageError: there is no such image.
    """
    dataset, statistics = open_with_statistics(spec, reporter)
    count = len(dataset.train)
    if not 0 <= index < count:
        raise UsageError(
            f"--index {index} is not one of the {count:,} training images",
            hint=f"--index takes 0 to {count - 1}",
        )
    tiles = {
        "stored image": dataset.train.fetch([index])[0],
        "mean image": _to_pixels(statistics.mean_image),
        **component_tiles(statistics),
        **_view_tiles(spec, dataset, statistics, index),
    }
    sheet = np.stack([_scaled(tile) for tile in tiles.values()])
    panel = TilesPanel(
        sheet.reshape(*SHEET, TILE_SIDE, TILE_SIDE, 3), captions=list(tiles), inches=2.4
    )
    label = dataset.classes[int(dataset.train.labels[index])]
    return Analysis(
        f"What the net sees of {label}: {dataset.train.names()[index]}",
        [],
        [panel],
        caption="views: random crop, reflection and colour noise; the mean colour is added back",
    )


def component_tiles(statistics: Statistics) -> dict[str, Pixels]:
    """The mean colour, shifted along each principal component of RGB, by caption."""
    tiles = {}
    eigenvalues, vectors = statistics.components()
    for number, stdev in enumerate(eigenvalues**0.5, 1):
        direction = stdev * vectors[:, number - 1]
        reach = _reach(statistics.channel_means, direction)
        caption = (
            f"colour component {number}, {-reach:g} to {reach:g} stdev\n"
            f"1 stdev: {stdev:.1f} grey levels"
        )
        strip = np.linspace(-reach, reach, TILE_SIDE)[None, :, None] * direction
        tiles[caption] = _to_pixels(statistics.channel_means + strip)
    return tiles


def _reach(mean: Floats, direction: Floats) -> float:
    """How far a colour can be shifted either way before a channel saturates, at most MOST_STDEVS.

    Args:
        mean: (3,) the colour, in grey levels.
        direction: (3,) one step, in grey levels.
    """
    room = np.minimum(mean, 255 - mean) / np.abs(direction).clip(min=1e-9)
    return max(0.1, min(MOST_STDEVS, float(np.floor(10 * room.min()) / 10)))


def _view_tiles(
    spec: TrainSpec, dataset: Dataset, statistics: Statistics, index: int
) -> dict[str, Pixels]:
    """The crops of the first epochs with their colour noise, in grey levels, by caption.

    Where the net's input is centred, the mean colour is added back.
    """
    import torch

    from alexcli.data.transforms import Batch, Preprocess

    in_grey_levels = replace(spec.augment, pixel_scale=1.0, channel_std=None)
    preprocess = Preprocess(in_grey_levels, spec.model.input, statistics, dataset.size)
    added = 0 if spec.augment.mean is Mean.none else statistics.channel_means
    position = torch.tensor([index])
    batch = Batch(
        images=torch.from_numpy(dataset.train.fetch([index])),
        labels=torch.from_numpy(dataset.train.labels[[index]]),
        indices=position,
        positions=position,
    )
    tiles = {}
    for epoch in range(1, VIEWS + 1):
        view = preprocess.augment(batch, seed=spec.seed, epoch=epoch)[0].permute(1, 2, 0)
        tiles[f"view of epoch {epoch}"] = _to_pixels(view.numpy() + added)
    return tiles


def _scaled(image: Pixels) -> Pixels:
    """A tile of the sheet: the image, resized by nearest neighbour, in a black frame."""
    height, width = image.shape[:2]
    rows = np.arange(TILE_SIDE) * height // TILE_SIDE
    columns = np.arange(TILE_SIDE) * width // TILE_SIDE
    tile = image[np.ix_(rows, columns)]
    edge = [0, 1, -2, -1]
    tile[edge] = 0
    tile[:, edge] = 0
    return tile


def _to_pixels(levels: Floats) -> Pixels:
    """Grey levels rounded to integers from 0 to 255."""
    return np.clip(levels + 0.5, 0, 255).astype(np.uint8)
