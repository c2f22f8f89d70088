"""Statistics of a training set, computed once and then kept in the cache."""

from alexcli.data.cache import Arrays, cached
from alexcli.data.dataset import Dataset
from alexcli.data.statistics import Progress, Statistics, compute_statistics


def training_statistics(dataset: Dataset, progress: Progress = lambda *_: None) -> Statistics:
    """The statistics of the training set.

    A prepared store contains them; otherwise they are computed at first use and cached.

    Args:
        dataset: the opened data set.
        progress: receives the number of finished images and of all images, at first use.

    Raises:
        UsageError: an image of the training or validation set cannot be decoded.
    """
    if dataset.statistics is not None:
        return dataset.statistics

    def compute() -> Arrays:
        statistics = compute_statistics(dataset.train, progress)
        # Find a damaged validation image now, not hours later at the end of the first epoch.
        if dataset.val is not dataset.train:
            compute_statistics(dataset.val, progress)
        return vars(statistics)

    return Statistics.from_arrays(cached(f"stats-{dataset.fingerprint}", compute))
