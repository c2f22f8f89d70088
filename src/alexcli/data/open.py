"""Opening a data set: find its source, and split off a validation set if requested."""

import importlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np

from alexcli.data.dataset import Dataset, digest
from alexcli.data.sources.layout import has_splits
from alexcli.data.splitting import random_split, stratified_split
from alexcli.data.store import is_store
from alexcli.errors import UsageError, plural
from alexcli.files import cache_dir
from alexcli.reporter import NullReporter, Reporter
from alexcli.schema import DataSpec, PrepareSpec, Source, Split

WITHOUT_VAL = "none"
"""A value of `data.val` for sources only: `val` may be missing, and none is split off."""

VAL_OF_THE_DATA = "folder"
"""A value of `data.val`: the validation set that comes with the data."""

TEST_AS_VAL = "test"
"""A value of `data.val`: the test set is used for selection."""

PUBLISHED_WITHOUT_VAL = (Source.cifar10, Source.cifar100)
"""Sources known to have a single held-out set, which serves as both val and test."""

ONE_HELD_OUT_SET = "val is the only held-out set: what was chosen on it was also measured on it"


def open_dataset(
    spec: DataSpec,
    reporter: Reporter | None = None,
    *,
    train_only: bool = False,
    net_classes: Sequence[str] | None = None,
    needs_val: bool = True,
) -> Dataset:
    """Find the images and check that the splits fit together.

    Args:
        spec: the data's keys.
        reporter: receives notes, such as that archives are being unpacked.
        train_only: accept data without `val`; `train` then stands in for it.
        net_classes: the classes of a net to evaluate; `train` may then be missing.
        needs_val: whether `val` is required; otherwise `train` or `test` may stand in for it.

    Raises:
        UsageError: no images, classes that differ between splits, or a bad `data.val`.
    """
    reporter = reporter or NullReporter()
    if train_only:
        return _open_source(replace(spec, val=WITHOUT_VAL), reporter)
    if spec.val == TEST_AS_VAL:
        return _test_as_val(spec, reporter, net_classes)
    if spec.val != VAL_OF_THE_DATA:
        return _split_off_val(spec, reporter)
    dataset = _open_source(
        spec if needs_val else replace(spec, val=WITHOUT_VAL), reporter, net_classes
    )
    has_val = dataset.has_own_val or spec.source in PUBLISHED_WITHOUT_VAL
    if needs_val and not has_val:
        raise _no_val_error(spec, dataset, is_evaluated=net_classes is not None)
    is_held_out_once = has_val and dataset.test is dataset.val
    if is_held_out_once and len(dataset.train):  # without training, nothing was selected on it
        dataset.note = _joined(dataset.note, ONE_HELD_OUT_SET)
    return dataset


def _no_val_error(spec: DataSpec, dataset: Dataset, *, is_evaluated: bool) -> UsageError:
    """The error for data without a validation set, with the possible remedies."""
    if dataset.test is None:
        hint = "split it off the training set: data.val=0.1"
        if is_evaluated:
            hint = f"alexcli eval --split train uses every image of train; {hint}"
        return UsageError(f"data.root={spec.root} has no split val", hint=hint)
    hint = (
        "data.val=0.1 splits it off the training set; data.val=test selects on the test set, and "
        "the results say so"
    )
    if is_evaluated:
        hint = "alexcli eval --split test uses the test set; data.val=test uses it as val"
    return UsageError(
        f"data.root={spec.root} has a test set but no split val, and the test set is not "
        "used in its place",
        hint=hint,
    )


def _test_as_val(spec: DataSpec, reporter: Reporter, net_classes: Sequence[str] | None) -> Dataset:
    """Data whose test set is used for selection at the user's request.

    Raises:
        UsageError: the data has a split `val`, or no test set.
    """
    dataset = _open_source(replace(spec, val=WITHOUT_VAL), reporter, net_classes)
    if dataset.has_own_val or dataset.test is None:
        state = "has a split val" if dataset.has_own_val else "has no test set"
        raise UsageError(
            f"data.val={TEST_AS_VAL} uses the test set as val, but data.root={spec.root} {state}",
            hint="data.val=folder" if dataset.has_own_val else "data.val=0.1",
        )
    return replace(dataset, note=_joined(dataset.note, ONE_HELD_OUT_SET.replace("val", "test", 1)))


def _joined(note: str | None, more: str) -> str:
    """Join two notes."""
    return f"{note}; {more}" if note else more


def open_source(source: str, spec: PrepareSpec, reporter: Reporter | None = None) -> Dataset:
    """Open the source of `alexcli data prepare`.

    Args:
        source: a folder, or the name of a source that torchvision can download.
        spec: how the images are resized, and whether they may be downloaded.
        reporter: receives notes, such as that archives are being unpacked.

    Raises:
        UsageError: as `open_dataset`; a training set is enough.
    """
    kind, root = _kind_and_root(source, spec)
    if is_store(str(root)):
        raise UsageError(f"{source} is a store already", hint="name the folder of the photographs")
    data_spec = DataSpec(
        source=kind,
        root=str(root),
        size=_stored_size(kind, spec),
        max_pixels=spec.max_pixels,
        depth=spec.depth,
        resize=spec.resize,
        kernel=spec.kernel,
        val_labels=spec.val_labels,
        val=WITHOUT_VAL,
        download=spec.download,
    )
    return _open_source(data_spec, reporter or NullReporter())


def _stored_size(kind: Source, spec: PrepareSpec) -> int:
    """The side of the stored images: as requested, or else the source's own."""
    if spec.size is not None:
        return spec.size
    size: int = getattr(_source_module(kind), "IMAGE_SIZE", DataSpec().size)
    return size


def _kind_and_root(source: str, spec: PrepareSpec) -> tuple[Source, Path]:
    """The source of images and their folder for SOURCE of `alexcli data prepare`."""
    root = Path(source)
    archive_folders = _archive_folders()
    if source in archive_folders and not root.exists():
        downloads = Path(spec.root) if spec.root else cache_dir() / "downloads" / source
        return Source(source), downloads
    if not has_splits(root):
        for kind, archive_folder in archive_folders.items():
            if (root / archive_folder).is_dir():
                return kind, root
    return Source.folder, root


def _archive_folders() -> dict[Source, str]:
    """The sources that torchvision can download, and the folders that their archives unpack to."""
    modules = {kind: _source_module(kind) for kind in Source}
    return {
        kind: module.ARCHIVE_FOLDER
        for kind, module in modules.items()
        if hasattr(module, "ARCHIVE_FOLDER")
    }


def _split_off_val(spec: DataSpec, reporter: Reporter) -> Dataset:
    """Take `val` from the training set by seed; the original held-out set becomes `test`."""
    fraction = _val_fraction(spec)
    dataset = _open_source(spec, reporter)
    labels = dataset.train.labels
    identity: list[object] = [dataset.fingerprint, fraction, spec.split_seed]
    if spec.split is Split.stratified:
        in_val, warning = stratified_split(labels, dataset.classes, fraction, spec.split_seed)
        identity.append(spec.split.value)
        if warning:
            reporter.warn(f"data.val={fraction:g}: {warning}")
    else:
        in_val = random_split(len(labels), fraction, spec.split_seed)
    count = int(in_val.sum())
    if not 0 < count < len(labels):
        raise UsageError(
            f"data.val={fraction:g} of {plural(len(labels), 'training image')} leaves the "
            "training or the validation set empty",
            hint="choose a larger or smaller fraction",
        )
    kind = f"{spec.split.value}, " if spec.split is Split.stratified else ""
    note = f"val is {plural(count, 'image')} of the training set ({kind}seed {spec.split_seed})"
    if dataset.has_own_val and dataset.test is not dataset.val:
        note += "; the val that comes with the data is not used (data.val=folder uses it)"
    return replace(
        dataset,
        train=dataset.train.subset(np.flatnonzero(~in_val)),
        val=dataset.train.subset(np.flatnonzero(in_val)),
        fingerprint=digest(identity),
        note=_joined(dataset.note, note),
        statistics=None,  # the store's statistics cover all training images
        has_own_val=True,
    )


def _val_fraction(spec: DataSpec) -> float:
    """The fraction in `data.val`; UsageError if it is not a fraction."""
    with suppress(ValueError):
        fraction = float(spec.val)
        if 0 < fraction < 1:
            return fraction
    raise UsageError(
        f"data.val={spec.val} is neither `folder`, `test` nor a fraction between 0 and 1",
        hint="data.val=0.1 splits a tenth off the training set",
    )


def _open_source(
    spec: DataSpec, reporter: Reporter, net_classes: Sequence[str] | None = None
) -> Dataset:
    """The splits of the source; a prepared store is read whatever it was made from."""
    kind = spec.source
    if kind is not Source.synthetic and spec.root is not None and is_store(spec.root):
        kind = Source.store
    dataset: Dataset = _source_module(kind).open_splits(spec, reporter, net_classes)
    return dataset


def _source_module(kind: Source) -> ModuleType:
    """The module of a source, found by its name."""
    return importlib.import_module(f"alexcli.data.sources.{kind.value}")
