"""Where pictures come from: drawn, CIFAR-10, Imagenette, any folder of class folders, a store."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from alexcli.data import toy
from alexcli.data.cache import Arrays, cache_dir, cached
from alexcli.data.dataset import Dataset, digest
from alexcli.data.folders import open_folder
from alexcli.data.pictures import ArrayPictures, Pictures
from alexcli.data.store import is_store, open_store
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, PrepareSpec, Source

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
        return _open(replace(spec, val="none"))
    fraction = val_fraction(spec)
    opened = _open(spec)
    if fraction is not None:
        opened = _split_off(opened, fraction, spec.split_seed)
    elif opened.val is opened.train:
        raise UsageError.of("data.no_val", spec=spec)
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
        raise UsageError.of("prepare.store_already", source=source)
    same = {key: getattr(spec, key) for key in ("resize", "kernel", "val_labels", "download")}
    wanted = DataSpec(kind, str(root), spec.size, val="none", **same)  # a store may lack val
    return _cifar10(replace(wanted, size=32), root) if kind is Source.cifar10 else _open(wanted)


def val_fraction(spec: DataSpec) -> float | None:
    """The fraction of `data.val`, or None for `folder`."""
    if spec.val == "folder":
        return None
    try:
        fraction = float(spec.val)
    except ValueError:
        fraction = -1
    if not 0 < fraction < 1:
        raise UsageError.of("data.val_fraction", spec=spec)
    return fraction


def _split_off(whole: Dataset, fraction: float, seed: int) -> Dataset:
    """Take `val` from the training set; what was held out remains as `test`."""
    order = np.random.default_rng(seed).permutation(len(whole.train))
    count = round(fraction * len(order))
    if not 0 < count < len(order):
        raise UsageError.of("data.val_empty", fraction=fraction, order=order)
    train, val = np.sort(order[count:]), np.sort(order[:count])
    return replace(
        whole,
        train=whole.train.part(train),
        val=whole.train.part(val),
        fingerprint=digest([whole.fingerprint, fraction, seed]),
        note=f"val is {count} pictures of the training set (seed {seed})",
        statistics=None,  # they are those of all training pictures
    )


def _open(spec: DataSpec) -> Dataset:
    """The splits as they come."""
    if spec.source is Source.toy:
        return _toy(spec)
    if spec.root is None:
        raise UsageError.of("data.root_needed", spec=spec)
    root = Path(spec.root)
    if spec.source is Source.store or is_store(spec.root):
        return open_store(spec.root)
    sorted_already = (root / "train").is_dir()
    if spec.source is Source.cifar10:
        return _in_memory(open_folder(spec, root)) if sorted_already else _cifar10(spec, root)
    if spec.source is Source.imagenette and not sorted_already:
        root = _imagenette(spec, root)
    return open_folder(spec, root)


def _toy(spec: DataSpec) -> Dataset:
    counts = {"train": spec.train_count, "val": spec.val_count, "test": spec.val_count}
    if spec.root is not None or spec.download:
        raise UsageError.of("data.toy")
    identity = digest(["toy", toy.VERSION, spec.size, counts, spec.seed])

    def make() -> dict[str, Pictures]:
        drawn = {s: toy.draw(s, n, size=spec.size, seed=spec.seed) for s, n in counts.items()}
        return {split: ArrayPictures(*part) for split, part in drawn.items()}

    parts, how = _kept(f"toy-{identity}", make), f"drawn at {spec.size}"
    return Dataset.of(list(toy.CLASSES), parts, identity, spec.size, how)


def _cifar10(spec: DataSpec, root: Path) -> Dataset:
    """CIFAR-10 as torchvision keeps it, which downloads it where `data.download` allows it."""
    if not spec.download and not (root / CIFAR10).is_dir():
        raise UsageError.of("data.no_cifar10", root=root)
    if spec.size != 32:
        raise UsageError.of("data.cifar10_size", spec=spec)
    # torchvision checks the md5 of its pickled batches before it reads them.
    from torchvision import datasets  # type: ignore[import-untyped]

    with _fetching(root, "CIFAR-10"):
        read = partial(datasets.CIFAR10, str(root), download=spec.download)
        parts = [read(train=True), read(train=False)]
    train, test = (ArrayPictures(p.data, np.asarray(p.targets, dtype=np.int64)) for p in parts)
    identity = digest(["cifar10", hashlib.sha256(train.images.tobytes()).hexdigest()])
    return Dataset(list(parts[0].classes), train, test, test, identity, 32, "as it comes: 32")


def _imagenette(spec: DataSpec, root: Path) -> Path:
    """The folder of torchvision's full-size archive, if it is there or may be downloaded."""
    unpacked = root / IMAGENETTE
    if spec.download and not unpacked.is_dir():
        from torchvision import datasets

        with _fetching(root, "Imagenette"):
            root.mkdir(parents=True, exist_ok=True)
            datasets.Imagenette(str(root), split="train", size="full", download=True)
    return unpacked if unpacked.is_dir() else root


@contextmanager
def _fetching(root: Path, name: str) -> Iterator[None]:
    """UsageError where torchvision cannot read or download."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if root.is_dir() and not any(root.iterdir()):
            root.rmdir()  # torchvision makes the folder before it knows that it can fill it
        raise UsageError.of("data.fetch", name=name, root=root, error=error) from error


def _in_memory(opened: Dataset) -> Dataset:
    """Decode small pictures once and keep them in the cache: 60,000 files take long to open."""
    parts = {"train": opened.train, "val": opened.val}
    kept = _kept(f"pictures-{opened.fingerprint}", lambda: parts)
    test = kept["val"] if opened.test is opened.val else opened.test
    return replace(opened, train=kept["train"], val=kept["val"], test=test)


def _kept(name: str, make: Callable[[], dict[str, Pictures]]) -> dict[str, Pictures]:
    """Splits held in memory, made once and kept in the cache."""

    def arrays() -> Arrays:
        made = make()
        images = {f"{split}_images": part.fetch(range(len(part))) for split, part in made.items()}
        return images | {f"{split}_labels": part.labels for split, part in made.items()}

    stored = cached(name, arrays)
    splits = [key.removesuffix("_images") for key in stored if key.endswith("_images")]
    return {s: ArrayPictures(stored[f"{s}_images"], stored[f"{s}_labels"]) for s in splits}
