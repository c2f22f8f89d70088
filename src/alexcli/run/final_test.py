"""The error of a run's net on the test set, which is used for nothing else."""

from typing import Any

from alexcli.data.dataset import Dataset
from alexcli.data.images import ImageSource
from alexcli.placement.base import Placement
from alexcli.reporter import Reporter
from alexcli.run.directory import RunDirectory
from alexcli.run.evaluate import evaluate


def has_own_test(dataset: Dataset) -> bool:
    """Whether there are test images that are not those of `val`."""
    return dataset.test is not None and dataset.test is not dataset.val


def measured_split(dataset: Dataset) -> str:
    """The split that studies measure errors on: `test` if it differs from `val`."""
    return "test" if has_own_test(dataset) else "val"


def measured_images(dataset: Dataset) -> ImageSource:
    """The images of that split."""
    return dataset.val if dataset.test is None else dataset.test


def measure_test(
    run: RunDirectory, reporter: Reporter, placement: Placement | None = None
) -> dict[str, Any]:
    """Evaluate the net after the final epoch on `test`, one view of each image.

    Args:
        run: has last.ckpt.
        reporter: receives progress updates.
        placement: where the net runs; None for one device.

    Returns:
        `top1_err` and `top5_err` (None for 5 classes or fewer), fractions, `loss`, and `n` images.

    Raises:
        UsageError: the data has no test set.
    """
    checkpoints = [(run, run.last)]
    row = evaluate(checkpoints, reporter, split="test", placement=placement).results[0]
    return {"top1_err": row.top1_err, "top5_err": row.top5_err, "loss": row.loss, "n": row.n}
