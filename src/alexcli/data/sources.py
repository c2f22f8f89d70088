"""Where pictures come from: drawn, CIFAR-10, or any folder of class folders."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from alexcli.data import toy
from alexcli.data.cache import Arrays, cached
from alexcli.data.pictures import ArrayPictures, FilePictures, Labels, Pictures, Subset, undecodable
from alexcli.errors import UsageError, nearest
from alexcli.schema import DataSpec, OnError, Source

SUFFIXES = frozenset(Image.registered_extensions())
SPLITS = ("train", "val", "test")


@dataclass
class Dataset:
    """The splits of a data set. `val` chooses (rate drops, best checkpoint); `test` never does."""

    classes: list[str]
    train: Pictures
    val: Pictures
    test: Pictures | None
    fingerprint: str
    """Identity of the pictures, whatever their path: names, counts and sizes."""
    note: str | None = None
    """What a reader of a result must know, e.g. that val is the only held-out set."""
    skipped: int = 0
    """Files left out because they cannot be decoded."""


def open_dataset(spec: DataSpec) -> Dataset:
    """Find the pictures and check that the splits fit together.

    Raises:
        UsageError: root missing or empty, classes that differ between splits, a bad `data.val`.
    """
    fraction = val_fraction(spec)
    opened = _OPENERS[spec.source](spec)
    if fraction is not None:
        opened = _split_off(opened, fraction, spec.split_seed)
    elif opened.test is not None and opened.test is opened.val:
        opened.note = "val is the only held-out set: what was chosen on it was also measured on it"
    return opened


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
    return Dataset(
        classes=whole.classes,
        train=Subset(whole.train, train),
        val=Subset(whole.train, val),
        test=whole.test,
        fingerprint=_digest([whole.fingerprint, fraction, seed]),
        note=f"val is {count} pictures of the training set (seed {seed})",
        skipped=whole.skipped,
    )


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _toy(spec: DataSpec) -> Dataset:
    counts = {"train": spec.train_count, "val": spec.val_count, "test": spec.val_count}
    if spec.root is not None or spec.download:
        raise UsageError(
            "data=toy draws its pictures: it takes neither data.root nor data.download",
            hint="data=folder data.root=DIR, or experiment=imagenette data.root=DIR",
        )
    identity = _digest(["toy", toy.VERSION, spec.size, counts, spec.seed])

    def make() -> Arrays:
        drawn = {s: toy.draw(s, n, size=spec.size, seed=spec.seed) for s, n in counts.items()}
        arrays = {f"{s}_images": images for s, (images, _) in drawn.items()}
        return arrays | {f"{s}_labels": labels for s, (_, labels) in drawn.items()}

    stored = cached(f"toy-{identity}", make)
    train, val, test = (ArrayPictures(stored[f"{s}_images"], stored[f"{s}_labels"]) for s in SPLITS)
    return Dataset(list(toy.CLASSES), train, val, test, fingerprint=identity)


def _root(spec: DataSpec) -> Path:
    if spec.root is None:
        raise UsageError(
            f"data={spec.source.value} needs data.root, the folder of the pictures",
            hint="data.root=DIR, with DIR/train/CLASS/* and DIR/val/CLASS/*",
        )
    return Path(spec.root)


def _folder(spec: DataSpec) -> Dataset:
    root = _root(spec)
    found = {name: root / name for name in SPLITS if (root / name).is_dir()}
    if not root.is_dir():
        raise UsageError(f"data.root={root} does not exist", hint=_near_folder(root))
    for name in ("train",) if spec.val != "folder" else ("train", "val"):
        if name not in found and not (name == "val" and "test" in found):
            there = sorted(p.name for p in root.iterdir() if p.is_dir())[:8]
            raise UsageError(
                f"data.root={root} has no folder {name}; it has {', '.join(there) or 'no folders'}",
                hint=f"put the pictures in {root / name}/CLASS/"
                + ("" if name == "train" else ", or split them off: data.val=0.1"),
            )
    classes = _class_folders(found["train"])
    read: dict[str, FilePictures] = {}
    identity: list[object] = [spec.size]
    skipped = 0
    for name, folder in found.items():
        _same_classes(classes, folder, found["train"])
        read[name], listing = _listing(folder, classes, spec.size)
        identity.append([name, listing])
        if spec.on_error is OnError.skip:
            read[name], bad = _without_undecodable(read[name], listing)
            skipped += bad
            identity.append(bad)
    test = read.get("test", read.get("val"))
    return Dataset(
        classes=classes,
        train=read["train"],
        # Without any held-out folder, `data.val` is a fraction, and _split_off replaces this.
        val=read.get("val", test or read["train"]),
        test=test,
        fingerprint=_digest(identity),
        skipped=skipped,
    )


def _near_folder(root: Path) -> str:
    siblings = [p.name for p in root.parent.iterdir()] if root.parent.is_dir() else []
    near = nearest(root.name, siblings)
    return f"did you mean {root.parent / near}?" if near else "check the path"


def _class_folders(folder: Path) -> list[str]:
    classes = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    if len(classes) < 2:
        raise UsageError(
            f"{folder} holds {len(classes)} class folders; two or more are needed",
            hint=f"put each class's pictures in a folder of its own: {folder}/CLASS/*.jpg",
        )
    return classes


def _same_classes(classes: list[str], folder: Path, train: Path) -> None:
    here = set(_class_folders(folder))
    extra, lacking = sorted(here - set(classes)), sorted(set(classes) - here)
    if extra or lacking:
        words = [f"{folder.name} has {', '.join(extra[:5])}, which train lacks"] if extra else []
        words += [f"{folder.name} lacks {', '.join(lacking[:5])}"] if lacking else []
        raise UsageError(
            f"class folders of {train} and {folder} differ: {'; '.join(words)}",
            hint="the class folders of all splits must be the same",
        )


def _listing(folder: Path, classes: list[str], size: int) -> tuple[FilePictures, str]:
    """The files of a split in order, and a digest of their names and sizes in bytes."""
    paths: list[Path] = []
    labels: list[int] = []
    digest = hashlib.sha256()
    for label, name in enumerate(classes):
        entries = sorted(os.scandir(folder / name), key=lambda entry: entry.name)
        entries = [e for e in entries if Path(e.name).suffix.lower() in SUFFIXES]
        if not entries:
            raise UsageError(
                f"{folder / name} holds no pictures", hint="remove the folder from every split"
            )
        for entry in entries:
            paths.append(Path(entry.path))
            labels.append(label)
            digest.update(f"{name}/{entry.name}:{entry.stat().st_size}\n".encode())
    pictures = FilePictures(paths, np.asarray(labels, dtype=np.int64), size)
    return pictures, digest.hexdigest()[:16]


def _without_undecodable(pictures: FilePictures, listing: str) -> tuple[FilePictures, int]:
    """Leave out files that cannot be decoded; which they are is found once and cached."""
    name = f"undecodable-{listing}-{pictures.size}"
    bad = cached(name, lambda: {"bad": undecodable(pictures)})["bad"]
    kept = np.flatnonzero(~bad)
    paths = [pictures.paths[i] for i in kept]
    return FilePictures(paths, pictures.labels[kept], pictures.size), int(bad.sum())


def _cifar10(spec: DataSpec) -> Dataset:
    root = _root(spec)
    if (root / "train").is_dir():
        return _in_memory(_folder(spec))
    if not spec.download and not (root / "cifar-10-batches-py").is_dir():
        raise UsageError(
            f"data.root={root} holds neither train/CLASS/* nor torchvision's cifar-10-batches-py",
            hint="data.download=true lets torchvision fetch CIFAR-10 (170 MB)",
        )
    if spec.size != 32:
        raise UsageError(
            f"data.size={spec.size}, but torchvision's CIFAR-10 has pictures of 32 pixels",
            hint="data.size=32",
        )
    # torchvision checks the md5 of its pickled batches before it reads them.
    from torchvision.datasets import CIFAR10  # type: ignore[import-untyped]

    try:
        parts = [CIFAR10(str(root), train=train, download=spec.download) for train in (True, False)]
    except (OSError, RuntimeError) as error:
        if root.is_dir() and not any(root.iterdir()):
            root.rmdir()  # torchvision makes the folder before it knows that it can fill it
        raise UsageError(
            f"CIFAR-10 could not be read from or downloaded to {root}: {error}",
            hint="check the network, or unpack it yourself as train/CLASS/* and test/CLASS/*",
        ) from error

    def make() -> Arrays:
        images = {f"{n}_images": p.data for n, p in zip(("train", "test"), parts, strict=True)}
        return images | {"train_labels": _labels(parts[0]), "test_labels": _labels(parts[1])}

    arrays = make()
    train = ArrayPictures(arrays["train_images"], arrays["train_labels"])
    test = ArrayPictures(arrays["test_images"], arrays["test_labels"])
    identity = _digest(["cifar10", hashlib.sha256(train.images.tobytes()).hexdigest()])
    return Dataset(list(parts[0].classes), train, test, test, fingerprint=identity)


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
    Source.folder: _folder,
}
