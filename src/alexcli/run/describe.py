"""What `alexcli data stats` and `alexcli data preview` show of a data set."""

from functools import partial

import numpy as np
import numpy.typing as npt

from alexcli.data.dataset import Dataset, Statistics, training_statistics
from alexcli.data.sources import open_dataset
from alexcli.errors import UsageError
from alexcli.results import DataStatistics, Preview, Reporter
from alexcli.schema import TrainSpec

SIGMA = 0.1  # of the colour noise, section 4.1
VIEWS = 10  # augmented pictures on a sheet


def opened(spec: TrainSpec, reporter: Reporter) -> tuple[Dataset, Statistics]:
    """The pictures and the statistics of the training set; UsageError where there are none."""
    dataset = open_dataset(spec.data, train_only=True)
    try:
        return dataset, training_statistics(dataset, partial(reporter.counted, "mean image"))
    finally:
        reporter.close()


def statistics_of(spec: TrainSpec, reporter: Reporter) -> DataStatistics:
    """Mean image, channel means, covariance and colour noise of a training set."""
    dataset, found = opened(spec, reporter)
    values, vectors = found.components()
    return DataStatistics(
        data=dataset.fingerprint,
        pictures=found.count,
        size=dataset.size,
        resize=dataset.resize,
        channel_means=found.channel_means.tolist(),
        channel_stds=(found.covariance.diagonal() ** 0.5).tolist(),
        covariance=found.covariance.tolist(),
        eigenvalues=values.tolist(),
        components=vectors.T.tolist(),
        noise={"stdev": (SIGMA * values**0.5).tolist(), "eigenvalue": (SIGMA * values).tolist()},
        mean_image=_pixels(found.mean_image),
    )


def preview_of(spec: TrainSpec, index: int, reporter: Reporter) -> Preview:
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
    if not 0 <= index < len(dataset.train):
        raise UsageError.of(
            "data.index", index=index, train=dataset.train, last=len(dataset.train) - 1
        )
    image = dataset.train.fetch([index])
    preprocess = Preprocess(spec.augment, spec.model.input, found, dataset.size)
    number = torch.tensor([index])
    label = torch.from_numpy(dataset.train.labels[[index]])
    batch = Batch(torch.from_numpy(image), label, number, number)
    views = [
        preprocess.train_view(batch, seed=spec.seed, epoch=epoch)[0].permute(1, 2, 0).numpy()
        for epoch in range(1, VIEWS + 1)
    ]
    values, vectors = found.components()
    return Preview(
        name=f"{dataset.classes[int(label)]}: {dataset.train.names()[index]}",
        original=image[0],
        # The mean colour is added back, so that net inputs can be looked at.
        seen=[_pixels(x / spec.augment.pixel_scale + found.channel_means) for x in views],
        mean_image=_pixels(found.mean_image),
        components=[_strip(found.channel_means, vectors[:, i], values[i] ** 0.5) for i in range(3)],
        stdevs=(values**0.5).tolist(),
    )


def _pixels(levels: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    return np.clip(levels + 0.5, 0, 255).astype(np.uint8)


def _strip(
    mean: npt.NDArray[np.float64], direction: npt.NDArray[np.float64], stdev: float
) -> npt.NDArray[np.uint8]:
    """The mean colour moved along a component, from -3 to 3 standard deviations, (32, 256, 3)."""
    steps = np.linspace(-3, 3, 256)[:, None] * stdev * direction
    return np.repeat(_pixels(mean + steps)[None], 32, axis=0)
