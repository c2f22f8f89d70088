"""Where pictures come from: drawn, CIFAR-10, Imagenette, any folder of class folders, a store."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from alexcli.data import toy
from alexcli.data.cache import Arrays, cache_dir, cached
from alexcli.data.dataset import Dataset
from alexcli.data.folders import SPLITS, digest, open_folder
from alexcli.data.pictures import ArrayPictures, Labels, Subset
from alexcli.data.store import is_store, open_store
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, PrepareSpec, Source

T = TypeVar("T")

# Folders that torchvision makes of the archives that it fetches.
IMAGENETTE, CIFAR10 = "imagenette2", "cifar-10-batches-py"


def open_dataset(spec: DataSpec, *, train_only: bool = False) -> Dataset:
    """Find the pictures and check that the splits fit together.

    Args:
        spec: which data.
        train_only: whether a missing `val` matters to nobody; `train` then stands in for it.

    Raises:
        UsageError: root missing or empty, classes that differ between splits, a bad `data.val`.
    """
    if train_only:
        return _OPENERS[spec.source](replace(spec, val="none"))
    fraction = val_fraction(spec)
    opened = _OPENERS[spec.source](spec)
    if fraction is not None:
        opened = _split_off(opened, fraction, spec.split_seed)
    elif opened.val is opened.train:
        raise UsageError(
            f"data.root={spec.root} has no split val",
            hint="split it off the training set: data.val=0.1",
        )
    elif opened.test is not None and opened.test is opened.val:
        said = "val is the only held-out set: what was chosen on it was also measured on it"
        opened.note = "; ".join(filter(None, [opened.note, said]))
    return opened


def open_source(source: str, spec: PrepareSpec) -> Dataset:
    """What `alexcli data prepare` reads: a folder, or `cifar10` or `imagenette` by name.

    Raises:
        UsageError: as `open_dataset`; a train folder is enough.
    """
    named, root = source in (Source.cifar10.value, Source.imagenette.value), Path(source)
    if named and not root.exists():
        root = Path(spec.root) if spec.root else cache_dir() / "downloads" / source
        kind = Source(source)
    else:
        kind = Source.cifar10 if (root / CIFAR10).is_dir() else Source.imagenette
    if is_store(str(root)):
        raise UsageError(f"{source} is a store already", hint="name the folder of the photographs")
    wanted = DataSpec(
        source=kind,
        root=str(root),
        size=spec.size,
        resize=spec.resize,
        kernel=spec.kernel,
        val="none",  # a store may lack val
        val_labels=spec.val_labels,
        download=spec.download,
    )
    if kind is Source.cifar10:
        return _cifar10_files(replace(wanted, size=32), root)
    return _imagenette(wanted)


def val_fraction(spec: DataSpec) -> float | None:
    """The fraction of `data.val`, or None for `folder`."""
    if spec.val == "folder":
        return None
    try:
        fraction = float(spec.val)
    except ValueError:
        fraction = -1
    if not 0 < fraction < 1:
        raise UsageError(
            f"data.val={spec.val} is neither `folder` nor a fraction between 0 and 1",
            hint="data.val=0.1 splits a tenth off the training set",
        )
    return fraction


def _split_off(whole: Dataset, fraction: float, seed: int) -> Dataset:
    """Take `val` from the training set; what was held out remains as `test`."""
    order = np.random.default_rng(seed).permutation(len(whole.train))
    count = round(fraction * len(order))
    if not 0 < count < len(order):
        raise UsageError(
            f"data.val={fraction:g} of {len(order)} training pictures leaves one of the two empty",
            hint="choose a larger or smaller fraction",
        )
    train, val = np.sort(order[count:]), np.sort(order[:count])
    return replace(
        whole,
        train=Subset(whole.train, train),
        val=Subset(whole.train, val),
        fingerprint=digest([whole.fingerprint, fraction, seed]),
        note=f"val is {count} pictures of the training set (seed {seed})",
        statistics=None,  # they are those of all training pictures
    )


def _toy(spec: DataSpec) -> Dataset:
    counts = {"train": spec.train_count, "val": spec.val_count, "test": spec.val_count}
    if spec.root is not None or spec.download:
        raise UsageError(
            "data=toy draws its pictures: it takes neither data.root nor data.download",
            hint="data=folder data.root=DIR, or experiment=imagenette data.root=DIR",
        )
    identity = digest(["toy", toy.VERSION, spec.size, counts, spec.seed])

    def make() -> Arrays:
        drawn = {s: toy.draw(s, n, size=spec.size, seed=spec.seed) for s, n in counts.items()}
        arrays = {f"{s}_images": images for s, (images, _) in drawn.items()}
        return arrays | {f"{s}_labels": labels for s, (_, labels) in drawn.items()}

    stored = cached(f"toy-{identity}", make)
    train, val, test = (ArrayPictures(stored[f"{s}_images"], stored[f"{s}_labels"]) for s in SPLITS)
    drawn_at = f"drawn at {spec.size}"
    return Dataset(list(toy.CLASSES), train, val, test, identity, spec.size, drawn_at)


def _root(spec: DataSpec) -> Path:
    if spec.root is None:
        raise UsageError(
            f"data={spec.source.value} needs data.root, the folder of the pictures",
            hint="data.root=DIR, with DIR/train/CLASS/* and DIR/val/CLASS/*, or a prepared store",
        )
    return Path(spec.root)


def _store(spec: DataSpec) -> Dataset:
    _root(spec)
    assert spec.root is not None
    return open_store(spec.root)


def _folder(spec: DataSpec) -> Dataset:
    if spec.root is not None and is_store(spec.root):
        return open_store(spec.root)
    return open_folder(spec, _root(spec))


def _cifar10(spec: DataSpec) -> Dataset:
    """From a store, from class folders (decoded once and cached), or from torchvision's files."""
    root = _root(spec)
    assert spec.root is not None
    if is_store(spec.root):
        return open_store(spec.root)
    if (root / "train").is_dir():
        return _in_memory(open_folder(spec, root))
    return _cifar10_files(spec, root)


def _cifar10_files(spec: DataSpec, root: Path) -> Dataset:
    """CIFAR-10 as torchvision keeps it, which downloads it where `data.download` allows it."""
    if not spec.download and not (root / CIFAR10).is_dir():
        raise UsageError(
            f"{root} holds neither train/CLASS/* nor torchvision's cifar-10-batches-py",
            hint="data.download=true lets torchvision fetch CIFAR-10 (170 MB)",
        )
    if spec.size != 32:
        raise UsageError(
            f"data.size={spec.size}, but torchvision's CIFAR-10 has pictures of 32 pixels",
            hint="data.size=32",
        )
    # torchvision checks the md5 of its pickled batches before it reads them.
    from torchvision import datasets  # type: ignore[import-untyped]

    def fetch() -> list[Any]:
        return [
            datasets.CIFAR10(str(root), train=train, download=spec.download)
            for train in (True, False)
        ]

    parts = _downloaded(root, "CIFAR-10", fetch)
    train, test = (ArrayPictures(part.data, _labels(part)) for part in parts)
    identity = digest(["cifar10", hashlib.sha256(train.images.tobytes()).hexdigest()])
    return Dataset(list(parts[0].classes), train, test, test, identity, 32, "as it comes: 32")


def _imagenette(spec: DataSpec) -> Dataset:
    """From a store, from class folders, or torchvision's download of the full-size archive."""
    root = _root(spec)
    assert spec.root is not None
    if is_store(spec.root):
        return open_store(spec.root)
    if not (root / "train").is_dir() and ((root / IMAGENETTE).is_dir() or spec.download):
        if not (root / IMAGENETTE).is_dir():
            from torchvision.datasets import Imagenette  # type: ignore[import-untyped]

            def fetch() -> None:
                root.mkdir(parents=True, exist_ok=True)
                Imagenette(str(root), split="train", size="full", download=True)

            _downloaded(root, "Imagenette", fetch)
        root = root / IMAGENETTE
    return open_folder(spec, root)


def _downloaded(root: Path, name: str, fetch: Callable[[], T]) -> T:
    """What torchvision's reader returns; UsageError where it cannot read or download."""
    try:
        return fetch()
    except (OSError, RuntimeError) as error:
        if root.is_dir() and not any(root.iterdir()):
            root.rmdir()  # torchvision makes the folder before it knows that it can fill it
        raise UsageError(
            f"{name} could not be read from or downloaded to {root}: {error}",
            hint="check the network, or unpack it yourself as train/CLASS/* and val/CLASS/*",
        ) from error


def _labels(part: object) -> Labels:
    return np.asarray(part.targets, dtype=np.int64)  # type: ignore[attr-defined]


def _in_memory(opened: Dataset) -> Dataset:
    """Decode small pictures once and keep them in the cache: 60,000 files take long to open."""

    def make() -> Arrays:
        parts = {"train": opened.train, "val": opened.val}
        arrays = {f"{n}_images": p.fetch(range(len(p))) for n, p in parts.items()}
        return arrays | {f"{n}_labels": p.labels for n, p in parts.items()}

    stored = cached(f"pictures-{opened.fingerprint}", make)
    opened.train = ArrayPictures(stored["train_images"], stored["train_labels"])
    same = opened.test is opened.val
    opened.val = ArrayPictures(stored["val_images"], stored["val_labels"])
    if same:
        opened.test = opened.val
    return opened


_OPENERS: dict[Source, Callable[[DataSpec], Dataset]] = {
    Source.toy: _toy,
    Source.cifar10: _cifar10,
    Source.imagenette: _imagenette,
    Source.folder: _folder,
    Source.store: _store,
}
