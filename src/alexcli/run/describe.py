"""What `alexcli data stats` and `alexcli data preview` show of a data set."""

from contextlib import closing
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from alexcli.data.dataset import Dataset, Statistics, training_statistics
from alexcli.data.sources import open_dataset
from alexcli.errors import UsageError
from alexcli.results import Analysis, Panel, Reporter, Table
from alexcli.schema import TrainSpec

SIGMA = 0.1  # of the colour noise, section 4.1
VIEWS = 10  # augmented pictures on a sheet
SIDE = 512  # pixels of a sheet's tile
FRAME = [0, 1, -2, -1]


def opened(spec: TrainSpec, reporter: Reporter) -> tuple[Dataset, Statistics]:
    """The pictures and the statistics of the training set; UsageError where there are none."""
    dataset = open_dataset(spec.data, train_only=True)
    with closing(reporter):
        return dataset, training_statistics(dataset, partial(reporter.counted, "mean image"))


def statistics_of(spec: TrainSpec, reporter: Reporter) -> Analysis:
    """Mean image, channel means, covariance and colour noise of a training set.

    Returns:
        Its data, in grey levels (0 to 255) or their squares: `{data, pictures, size, resize,
        channel_means, channel_stds, covariance, eigenvalues, components, noise}`, channels as R,
        G, B; `components` are a unit vector for each of the `eigenvalues`, largest first; `noise`
        is the standard deviation of the colour noise along each, by convention.
    """
    dataset, found = opened(spec, reporter)
    values, vectors = found.components()
    data: dict[str, Any] = {
        "data": dataset.fingerprint,
        "pictures": found.count,
        "size": dataset.size,
        "resize": dataset.resize,
        "channel_means": found.channel_means.tolist(),
        "channel_stds": (found.covariance.diagonal() ** 0.5).tolist(),
        "covariance": found.covariance.tolist(),
        "eigenvalues": values.tolist(),
        "components": vectors.T.tolist(),
        "noise": {"stdev": (SIGMA * values**0.5).tolist(), "eigenvalue": (SIGMA * values).tolist()},
    }
    names = ["channel mean", "channel standard deviation", *(f"covariance, {c}" for c in "RGB")]
    of_channels = [data["channel_means"], data["channel_stds"], *data["covariance"]]
    cells = [[round(x, 3) for x in row] for row in of_channels]
    names += [f"component {i}, eigenvalue {value:,.1f}" for i, value in enumerate(values, 1)]
    cells += [[round(x, 4) for x in row] for row in data["components"]]
    rows = [[name, *row] for name, row in zip(names, cells, strict=True)]
    stdev = ", ".join(f"{x:.2f}" for x in data["noise"]["stdev"])
    eigenvalue = ", ".join(f"{x:.1f}" for x in data["noise"]["eigenvalue"])
    note = f"{found.count:,} pictures of {dataset.size} px ({dataset.resize}); grey levels, 0 to "
    note += f"255. Colour noise of sigma 0.1 along components 1, 2, 3: {stdev} grey levels as the "
    note += f"2012 code has it (pca.scale=stdev), {eigenvalue} by the letter of section 4.1 "
    note += "(pca.scale=eigenvalue)"
    table = Table("statistics of the training set", ["quantity", *"RGB"], rows, note=note)
    about = f"mean of {found.count:,} training pictures"
    panel = Panel("tiles", about, _pixels(found.mean_image)[None, None], inches=4)
    levels = ", ".join(f"{mean:.1f}" for mean in found.channel_means)
    caption = f"grey levels R, G, B: {levels}; data {dataset.fingerprint}"
    return Analysis(table.title, [table], [panel], caption, data=data)


def preview_of(spec: TrainSpec, index: int, reporter: Reporter) -> Analysis:
    """A training picture as it is stored, and as the net sees it ten times.

    Args:
        spec: data, augmentation, input size and seed.
        index: which training picture.
        reporter: told how it goes.

    Raises:
        UsageError: there is no such picture.
    """
    import torch

    from alexcli.data.transforms import Batch, Preprocess

    dataset, found = opened(spec, reporter)
    train, last = dataset.train, len(dataset.train) - 1
    if not 0 <= index <= last:
        raise UsageError.of("data.index", index=index, train=train, last=last)
    image, mean = train.fetch([index]), found.channel_means
    preprocess = Preprocess(spec.augment, spec.model.input, found, dataset.size)
    number = torch.tensor([index])
    label = torch.from_numpy(train.labels[[index]])
    batch = Batch(torch.from_numpy(image), label, number, number)
    shown = {"stored picture": image[0], "mean image": _pixels(found.mean_image)}
    values, vectors = found.components()
    for i, stdev in enumerate(values**0.5):
        strip = np.linspace(-3, 3, SIDE)[None, :, None] * stdev * vectors[:, i]
        title = f"colour component {i + 1}, -3 to 3 stdev\n1 stdev: {stdev:.1f} grey levels"
        shown[title] = _pixels(mean + strip)
    for epoch in range(1, VIEWS + 1):
        view = preprocess.train_view(batch, seed=spec.seed, epoch=epoch)[0].permute(1, 2, 0)
        # The mean colour is added back, so that net inputs can be looked at.
        shown[f"view of epoch {epoch}"] = _pixels(view.numpy() / spec.augment.pixel_scale + mean)
    tiles = np.stack([_scaled(picture) for picture in shown.values()]).reshape(3, 5, SIDE, SIDE, 3)
    name = f"{dataset.classes[int(label)]}: {train.names()[index]}"
    caption = "views: random crop, reflection and colour noise; the mean colour is added back"
    panel = Panel("tiles", "", tiles, columns=list(shown), inches=2.4)
    return Analysis(f"What the net sees of {name}", [], [panel], caption)


def _scaled(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A tile of the sheet with a frame, each pixel from the nearest one."""
    rows, columns = (np.arange(SIDE) * side // SIDE for side in picture.shape[:2])
    tile = picture[np.ix_(rows, columns)]
    tile[FRAME] = tile[:, FRAME] = 0
    return tile


def _pixels(levels: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    return np.clip(levels + 0.5, 0, 255).astype(np.uint8)
