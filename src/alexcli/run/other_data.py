"""Which images of other data are evaluated, where a run split its own validation set off."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from alexcli.data.open import TEST_AS_VAL, VAL_OF_THE_DATA
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.run.build import build_data
from alexcli.run.directory import RunDirectory
from alexcli.schema import TrainSpec

ROOT = "data.root"
VAL = "data.val"


def with_val_of_other_data(
    spec: TrainSpec, run: RunDirectory, overrides: Sequence[str]
) -> TrainSpec:
    """A configuration for an evaluation that takes the images of other data as they are.

    `data.val=0.1` splits a tenth off what a run is trained on. Of a folder of other images it would
    leave nine tenths unread, or take the training images where there is a split `val`. It stays
    where `data.root` names the run's own images at another place, told by their fingerprint, so
    that none is evaluated on which the net was trained.

    Args:
        spec: the run's, with the overrides.
        run: which was trained.
        overrides: the KEY=VALUE words that the user typed.

    Returns:
        The same, with `data.val` as by default where other images are named and `data.val` is not.

    Raises:
        UsageError: the run is not finished, and so does not say which images are its own.
    """
    typed = {word.partition("=")[0] for word in overrides}
    has_fraction = spec.data.val not in (VAL_OF_THE_DATA, TEST_AS_VAL)
    if ROOT not in typed or VAL in typed or not has_fraction or _is_own_root(spec, run):
        return spec
    data = (run.result() or {}).get("data") or {}
    if "fingerprint" not in data:
        raise UsageError(
            f"{run.path} split its validation set off ({VAL}={spec.data.val}) and is not finished, "
            f"so that it is not known whether {spec.data.root} holds its own images",
            hint=f"{VAL}={VAL_OF_THE_DATA} for other images, {VAL}={spec.data.val} for its own",
        )
    if _fingerprint(spec) == data["fingerprint"]:
        return spec
    return replace(spec, data=replace(spec.data, val=VAL_OF_THE_DATA))


def _is_own_root(spec: TrainSpec, run: RunDirectory) -> bool:
    """Whether a configuration names the folder that the run was trained on."""
    roots = [each.data.root for each in (run.read_config(), spec)]
    places = {None if root is None else Path(root).expanduser().resolve() for root in roots}
    return len(places) == 1


def _fingerprint(spec: TrainSpec) -> str | None:
    """Of the images as a training would open them; None where it would refuse them."""
    try:
        _, dataset = build_data(spec, NullReporter())
    except UsageError:  # whoever evaluates them says what is wrong, if anything is
        return None
    return dataset.fingerprint
