"""Choosing the images of other data to evaluate, if a run split off its own validation set."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from alexcli.data.open import TEST_AS_VAL, VAL_OF_THE_DATA
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.run.build import build_data
from alexcli.run.directory import RunDirectory
from alexcli.schema import DataSpec, TrainSpec

CHOICE = "data"
ROOT = "data.root"
VAL = "data.val"
SPLIT_KEYS = ("val", "split", "split_seed")
"""Keys of `data` that determine which images a run held out."""


def with_val_of_other_data(
    spec: TrainSpec, run: RunDirectory, overrides: Sequence[str]
) -> TrainSpec:
    """A configuration for evaluation in which other data keeps its own splits.

    `data.val=0.1` splits a tenth off a run's training images. Applied to a folder of other images,
    it would leave nine tenths unread, or take training images although there is a split `val`; and
    `data.val=test` would refuse data that has a `val` or no test set. The run's setting is kept if
    the overrides name its own images, at the same place or, as their fingerprint shows, at another
    one, so that no image is evaluated on which the net was trained.

    Args:
        spec: the run's configuration, with the overrides.
        run: the run that trained the net.
        overrides: the KEY=VALUE words that the user typed.

    Returns:
        The same, with the default of `data.val` if other images are named and `data.val` is not.

    Raises:
        UsageError: the run is not finished, so that it is unknown which images are its own.
    """
    typed = {word.partition("=")[0] for word in overrides}
    trained_on = run.read_config().data
    if not typed & {ROOT, CHOICE} or VAL in typed or trained_on.val == VAL_OF_THE_DATA:
        return spec
    untyped = [key for key in SPLIT_KEYS if f"data.{key}" not in typed]
    as_in_training = replace(
        spec, data=replace(spec.data, **{key: getattr(trained_on, key) for key in untyped})
    )
    if _is_same_place(spec.data, trained_on) or _has_own_images(as_in_training, run):
        return as_in_training
    if CHOICE in typed:  # it says how the other data is split
        return spec
    return replace(spec, data=replace(spec.data, val=VAL_OF_THE_DATA))


def _is_same_place(data: DataSpec, trained_on: DataSpec) -> bool:
    """Whether data is at the place of the data that a run was trained on."""
    if data.root is None or trained_on.root is None:
        return data.root == trained_on.root and data.source == trained_on.source
    return Path(data.root).expanduser().resolve() == Path(trained_on.root).expanduser().resolve()


def _has_own_images(as_in_training: TrainSpec, run: RunDirectory) -> bool:
    """Whether data at another place can be split as in training, and is the data of the run.

    For a test set used as `val`, from which nothing is split off, the first is enough.

    Raises:
        UsageError: the run is not finished.
    """
    fingerprint = _fingerprint(as_in_training)
    data = as_in_training.data
    if data.val == TEST_AS_VAL or fingerprint is None:
        return fingerprint is not None
    recorded = (run.result() or {}).get("data") or {}
    if "fingerprint" not in recorded:
        raise UsageError(
            f"{run.path} split its validation set off ({VAL}={data.val}) and is not finished, "
            f"so that it is not known whether {data.root} holds its own images",
            hint=f"{VAL}={VAL_OF_THE_DATA} for other images, {VAL}={data.val} for its own",
        )
    return bool(fingerprint == recorded["fingerprint"])


def _fingerprint(spec: TrainSpec) -> str | None:
    """The fingerprint of the images, split as in training; None if that is refused.

    A test set is opened without a training set, as for a net of any classes.
    """
    try:
        _, dataset = build_data(spec, NullReporter(), net_classes=[])
    except UsageError:  # the evaluation reports what is wrong, if anything is
        return None
    return dataset.fingerprint
