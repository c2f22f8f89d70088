"""Where pictures come from: drawn, CIFAR-10, Imagenette, any folder of class folders, a store."""

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from alexcli.data import toy
from alexcli.data.cache import Arrays, cache_dir, cached
from alexcli.data.dataset import Dataset, digest
from alexcli.data.names import flat_labels
from alexcli.data.pictures import SUFFIXES, ArrayPictures, FilePictures, Pictures, Reading
from alexcli.data.store import is_store, open_store
from alexcli.errors import UsageError, beside, plural
from alexcli.schema import DataSpec, OnError, PrepareSpec, Source

IMAGENETTE, CIFAR10 = "imagenette2", "cifar-10-batches-py"
"""Folders that torchvision makes of the archives that it fetches."""
UNPACKING = ".unpacking"


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
    if spec.val != "folder":
        return _split_off(spec)
    opened = _open(spec)
    if opened.val is opened.train:
        raise UsageError.of("data.no_val", spec=spec)
    if opened.test is opened.val:
        said = "val is the only held-out set: what was chosen on it was also measured on it"
        opened.note = "; ".join(filter(None, [opened.note, said]))
    return opened


def open_source(source: str, spec: PrepareSpec) -> Dataset:
    """What `alexcli data prepare` reads: a folder, or `cifar10` or `imagenette` by name.

    Raises:
        UsageError: as `open_dataset`; a train folder is enough.
    """
    root = Path(source)
    inside = {CIFAR10: Source.cifar10, IMAGENETTE: Source.imagenette}  # as torchvision unpacks them
    kind = next((kind for name, kind in inside.items() if (root / name).is_dir()), Source.folder)
    if source in (Source.cifar10, Source.imagenette) and not root.exists():
        root = Path(spec.root) if spec.root else cache_dir() / "downloads" / source
        kind = Source(source)
    if is_store(str(root)):
        raise UsageError.of("prepare.store_already", source=source)
    same = {key: getattr(spec, key) for key in ("resize", "kernel", "val_labels", "download")}
    wanted = DataSpec(kind, str(root), spec.size, val="none", **same)  # a store may lack val
    return _cifar10(replace(wanted, size=32), root) if kind is Source.cifar10 else _open(wanted)


def _split_off(spec: DataSpec) -> Dataset:
    """Take `val` from the training set; what was held out remains as `test`."""
    fraction = -1.0
    with suppress(ValueError):
        fraction = float(spec.val)
    if not 0 < fraction < 1:
        raise UsageError.of("data.val_fraction", spec=spec)
    whole = _open(spec)
    order = np.random.default_rng(spec.split_seed).permutation(len(whole.train))
    count = round(fraction * len(order))
    if not 0 < count < len(order):
        raise UsageError.of("data.val_empty", fraction=fraction, order=order)
    return replace(
        whole,
        train=whole.train.part(np.sort(order[count:])),
        val=whole.train.part(np.sort(order[:count])),
        fingerprint=digest([whole.fingerprint, fraction, spec.split_seed]),
        note=f"val is {plural(count, 'picture')} of the training set (seed {spec.split_seed})",
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
        return _in_memory(_folder(spec, root)) if sorted_already else _cifar10(spec, root)
    if spec.source is Source.imagenette and not sorted_already:
        unpacked = root / IMAGENETTE
        if not root.is_dir() and not spec.download:
            known = beside(root)
            raise UsageError.of("data.no_imagenette", root=root, word=root.name, known=known)
        if spec.download and not unpacked.is_dir():
            from torchvision import datasets  # type: ignore[import-untyped]

            url, md5 = datasets.Imagenette._ARCHIVES["full"]
            fetch = datasets.utils.download_and_extract_archive
            with _fetching(root, "Imagenette"):
                _unpack(unpacked, lambda part: fetch(url, str(root), str(part.parent), md5=md5))
        root = unpacked if unpacked.is_dir() else root
    return _folder(spec, root)


def _toy(spec: DataSpec) -> Dataset:
    counts = {"train": spec.train_count, "val": spec.val_count, "test": spec.val_count}
    if spec.root is not None or spec.download:
        raise UsageError.of("data.toy")
    identity = digest(["toy", toy.VERSION, spec.size, counts, spec.seed])

    def draw(split: str) -> Pictures:
        return ArrayPictures(*toy.draw(split, counts[split], size=spec.size, seed=spec.seed))

    parts = _kept(f"toy-{identity}", list(counts), draw)
    return Dataset.of(list(toy.CLASSES), parts, identity, spec.size, f"drawn at {spec.size}")


def _cifar10(spec: DataSpec, root: Path) -> Dataset:
    """CIFAR-10 as torchvision keeps it, which downloads it where `data.download` allows it."""
    if not spec.download and not (root / CIFAR10).is_dir():
        raise UsageError.of("data.no_cifar10", root=root)
    if spec.size != 32:
        raise UsageError.of("data.cifar10_size", spec=spec)
    # torchvision checks the md5 of its pickled batches before it reads them.
    from torchvision import datasets

    with _fetching(root, "CIFAR-10"):
        parts = [datasets.CIFAR10(str(root), own, download=spec.download) for own in (True, False)]
    train, test = (  # torchvision turns the channels last without moving them
        ArrayPictures(np.ascontiguousarray(p.data), np.asarray(p.targets, dtype=np.int64))
        for p in parts
    )
    identity = digest(["cifar10", hashlib.sha256(train.images.tobytes()).hexdigest()])
    return Dataset(list(parts[0].classes), train, test, test, identity, 32, "as it comes: 32")


@contextmanager
def _fetching(root: Path, name: str) -> Iterator[None]:
    """UsageError where torchvision cannot read or download."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if root.is_dir() and not any(root.iterdir()):
            root.rmdir()  # made before it was known that it can be filled
        raise UsageError.of("data.fetch", name=name, root=root, error=error) from error


def _unpack(folder: Path, unpack: Callable[[Path], object]) -> None:
    """Make a folder of an archive, one process at a time, unless another has made it.

    It takes its place when it is whole: torchvision goes by its existence, and a half of it, left
    by Ctrl-C, would be a smaller data set.

    Args:
        folder: what is to be made.
        unpack: makes it at the path that it is given.
    """
    part = folder.parent / UNPACKING / folder.name
    with FileLock(cache_dir() / f"unpacking-{digest([str(folder.parent.resolve())])}.lock"):
        if part.parent.exists():
            shutil.rmtree(part.parent)
        if folder.exists():
            return
        part.parent.mkdir(parents=True)
        try:
            unpack(part)
            part.rename(folder)
        finally:
            shutil.rmtree(part.parent, ignore_errors=True)


def _in_memory(opened: Dataset) -> Dataset:
    """Decode small pictures once and keep them in the cache: 60,000 files take long to open."""
    kept = _kept(f"pictures-{opened.fingerprint}", ["train", "val"], lambda s: getattr(opened, s))
    test = kept["val"] if opened.test is opened.val else opened.test
    return replace(opened, train=kept["train"], val=kept["val"], test=test)


def _kept(name: str, splits: list[str], make: Callable[[str], Pictures]) -> dict[str, Pictures]:
    """Splits held in memory, made once and kept in the cache."""

    def arrays() -> Arrays:
        made = {split: make(split) for split in splits}
        images = {f"{split}_images": part.fetch(range(len(part))) for split, part in made.items()}
        return images | {f"{split}_labels": part.labels for split, part in made.items()}

    stored = cached(name, arrays)
    return {s: ArrayPictures(stored[f"{s}_images"], stored[f"{s}_labels"]) for s in splits}


def _folder(spec: DataSpec, root: Path) -> Dataset:
    """List the pictures of class folders, DIR/train/CLASS/* and DIR/val/CLASS/*.

    A flat `val`, as ImageNet distributes it, is sorted by its list of labels.

    Raises:
        UsageError: no such folder, no classes, classes that differ between splits, no labels.
    """
    found = _splits(spec, root)
    classes = _classes(found["train"])
    reading = Reading(spec.size, spec.resize, spec.kernel)
    read: dict[str, Pictures] = {}
    identity: list[object] = [spec.size if reading == Reading(spec.size) else str(reading)]
    skipped, notes = 0, []
    for name, folder in found.items():
        if name == "train" or _folders(folder):
            paths, labels = _files(folder, classes)
        elif name == "val":
            paths, labels, note = flat_labels(root, folder, classes, spec.val_labels)
            notes.append(note)
        else:
            notes.append(f"{folder} is left out: its pictures are in no class folders")
            continue
        files = FilePictures(folder, paths, np.array(labels, dtype=np.int64), reading)
        read[name], listing = files, _listing(files, classes)
        identity.append([name, listing])
        if spec.on_error is OnError.skip:
            bad = _undecodable(files, listing)
            read[name] = files.part(np.flatnonzero(~bad))
            skipped += int(bad.sum())
            identity.append(int(bad.sum()))
    said = ("; ".join(notes) or None, skipped)
    return Dataset.of(classes, read, digest(identity), spec.size, str(reading), *said)


def _splits(spec: DataSpec, root: Path) -> dict[str, Path]:
    """The folders of the splits that exist; UsageError when one that is needed does not."""
    if not root.is_dir():
        raise UsageError.of("data.no_root", root=root, word=root.name, known=beside(root))
    for split in ("train", "val"):
        file = root / f"ILSVRC2012_img_{split}.tar"  # as ILSVRC-2012 is distributed
        if file.exists() and not (root / split).is_dir():
            from torchvision.datasets import imagenet  # type: ignore[import-untyped]

            def unpack(part: Path, split: str = split, file: Path = file) -> None:
                size = file.stat().st_size / 1e9
                print(f"unpacking {file} ({size:.1f} GB), which takes minutes", file=sys.stderr)
                parse = {"train": imagenet.parse_train_archive, "val": imagenet.parse_val_archive}
                parse[split](root, folder=str(part.relative_to(root)))

            try:
                if not (root / imagenet.META_FILE).exists():
                    imagenet.parse_devkit_archive(root)
                _unpack(root / split, unpack)
            except (OSError, RuntimeError) as error:
                raise UsageError.of("data.archive", file=file, error=error, root=root) from error
    found = {name: root / name for name in ("train", "val", "test") if (root / name).is_dir()}
    for name in ("train",) if spec.val != "folder" else ("train", "val"):
        if name not in found and not (name == "val" and "test" in found):
            there = _folders(root)[:8] or ["no folders"]
            rest = "" if name == "train" else ", or split them off: data.val=0.1"
            raise UsageError.of("data.no_split", root=root, name=name, there=there, rest=rest)
    return found


def _folders(folder: Path) -> list[str]:
    """The folders in a folder, sorted by name."""
    return sorted(next(os.walk(folder))[1])


def _classes(folder: Path) -> list[str]:
    """The classes of a split in order."""
    classes = _folders(folder)
    if len(classes) < 2:
        raise UsageError.of("data.few_classes", folder=folder, classes=classes)
    return classes


def _files(folder: Path, classes: list[str]) -> tuple[list[Path], list[int]]:
    """Every picture of a split and its label, in order of class and name."""
    here = set(_classes(folder))
    extra, lacking = sorted(here - set(classes)), sorted(set(classes) - here)
    if extra or lacking:
        words = [f"{folder.name} has {', '.join(extra[:5])}, which train lacks"] if extra else []
        words += [f"{folder.name} lacks {', '.join(lacking[:5])}"] if lacking else []
        train, said = folder.with_name("train"), "; ".join(words)
        raise UsageError.of("data.other_classes", train=train, folder=folder, words=said)
    paths, labels = [], []
    for label, name in enumerate(classes):
        there = sorted((folder / name).iterdir(), key=lambda path: path.name)
        inside = [path for path in there if path.suffix.lower() in SUFFIXES]
        if not inside:
            raise UsageError.of("data.empty_class", folder=folder / name)
        paths += inside
        labels += [label] * len(inside)
    return paths, labels


def _listing(files: FilePictures, classes: list[str]) -> str:
    """A digest of classes, names and sizes in bytes."""
    content = hashlib.sha256()
    for label, path in zip(files.labels, files.paths, strict=True):
        content.update(f"{classes[label]}/{path.name}:{path.stat().st_size}\n".encode())
    return content.hexdigest()[:16]


def _undecodable(files: FilePictures, listing: str) -> npt.NDArray[np.bool_]:
    """(N,) bool: which files cannot be decoded, found in one pass over all and cached."""

    def fails(row: int) -> bool:
        with suppress(UsageError):
            files.fetch([row])
            return False
        return True

    def make() -> Arrays:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return {"bad": np.fromiter(pool.map(fails, range(len(files))), dtype=np.bool_)}

    return cached(f"undecodable-{listing}-{files.reading.size}", make)["bad"]
