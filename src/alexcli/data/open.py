"""Opening a data set: find its source, and split a validation set off where that is asked for."""

import importlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np

from alexcli.data.dataset import Dataset, digest
from alexcli.data.store import is_store
from alexcli.errors import UsageError, plural
from alexcli.files import cache_dir
from alexcli.reporter import NullReporter, Reporter
from alexcli.schema import DataSpec, PrepareSpec, Source

WITHOUT_VAL = "none"
"""A value of `data.val` for sources alone: `val` may be missing, and none is split off."""


def open_dataset(
    spec: DataSpec, reporter: Reporter | None = None, *, train_only: bool = False
) -> Dataset:
    """Find the images and check that the splits fit together.

    Args:
        spec: the data's keys.
        reporter: receives notes, such as that archives are being unpacked.
        train_only: accept data without `val`; `train` then stands in for it.

    Raises:
        UsageError: no images, classes that differ between splits, or a bad `data.val`.
    """
    reporter = reporter or NullReporter()
    if train_only:
        return _open_source(replace(spec, val=WITHOUT_VAL), reporter)
    if spec.val != "folder":
        return _split_off_val(spec, reporter)
    dataset = _open_source(spec, reporter)
    if dataset.val is dataset.train:
        raise UsageError(
            f"data.root={spec.root} has no split val",
            hint="split it off the training set: data.val=0.1",
        )
    if dataset.test is dataset.val:
        note = "val is the only held-out set: what was chosen on it was also measured on it"
        dataset.note = f"{dataset.note}; {note}" if dataset.note else note
    return dataset


def open_source(source: str, spec: PrepareSpec, reporter: Reporter | None = None) -> Dataset:
    """Open what `alexcli data prepare` reads.

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
        size=getattr(_source_module(kind), "IMAGE_SIZE", spec.size),
        resize=spec.resize,
        kernel=spec.kernel,
        val_labels=spec.val_labels,
        val=WITHOUT_VAL,
        download=spec.download,
    )
    return _open_source(data_spec, reporter or NullReporter())


def _kind_and_root(source: str, spec: PrepareSpec) -> tuple[Source, Path]:
    """What SOURCE of `alexcli data prepare` means: the source of images, and their folder."""
    root = Path(source)
    archive_folders = _archive_folders()
    if source in archive_folders and not root.exists():
        downloads = Path(spec.root) if spec.root else cache_dir() / "downloads" / source
        return Source(source), downloads
    if not (root / "train").is_dir():
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
    """Take `val` from the training set by seed; what was held out remains as `test`."""
    fraction = _val_fraction(spec)
    dataset = _open_source(spec, reporter)
    order = np.random.default_rng(spec.split_seed).permutation(len(dataset.train))
    count = round(fraction * len(order))
    if not 0 < count < len(order):
        raise UsageError(
            f"data.val={fraction:g} of {plural(len(order), 'training image')} leaves one of the "
            "two empty",
            hint="choose a larger or smaller fraction",
        )
    return replace(
        dataset,
        train=dataset.train.subset(np.sort(order[count:])),
        val=dataset.train.subset(np.sort(order[:count])),
        fingerprint=digest([dataset.fingerprint, fraction, spec.split_seed]),
        note=f"val is {plural(count, 'image')} of the training set (seed {spec.split_seed})",
        statistics=None,  # those of the store are of all training images
    )


def _val_fraction(spec: DataSpec) -> float:
    """The fraction in `data.val`; UsageError where it is none."""
    with suppress(ValueError):
        fraction = float(spec.val)
        if 0 < fraction < 1:
            return fraction
    raise UsageError(
        f"data.val={spec.val} is neither `folder` nor a fraction between 0 and 1",
        hint="data.val=0.1 splits a tenth off the training set",
    )


def _open_source(spec: DataSpec, reporter: Reporter) -> Dataset:
    """The splits as their source has them; a prepared store is read whatever it was made of."""
    kind = spec.source
    if kind is not Source.synthetic and spec.root is not None and is_store(spec.root):
        kind = Source.store
    dataset: Dataset = _source_module(kind).open_splits(spec, reporter)
    return dataset


def _source_module(kind: Source) -> ModuleType:
    """The file of a source, which is found by its name."""
    return importlib.import_module(f"alexcli.data.sources.{kind.value}")
