"""Class folders: DIR/train/CLASS/*, DIR/val/CLASS/*, as ImageNet and most data sets come."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alexcli.data.cache import Arrays, cached
from alexcli.data.dataset import Dataset, digest
from alexcli.data.names import flat_labels
from alexcli.data.pictures import SUFFIXES, FilePictures, Pictures, Reading, read_square
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, OnError

SPLITS = ("train", "val", "test")


def open_folder(spec: DataSpec, root: Path) -> Dataset:
    """List the pictures of a tree of class folders.

    A flat `val`, as ImageNet distributes it, is sorted by its list of labels.

    Raises:
        UsageError: no such folder, no classes, classes that differ between splits, no labels.
    """
    found = _splits(spec, root)
    classes = class_folders(found["train"])
    reading = Reading(spec.size, spec.resize, spec.kernel)
    read: dict[str, Pictures] = {}
    identity: list[object] = [spec.size if reading == Reading(spec.size) else str(reading)]
    skipped, notes = 0, []
    for name, folder in found.items():
        if name == "train" or not _is_flat(folder):
            _same_classes(classes, folder, found["train"])
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
        siblings = [p.name for p in root.parent.iterdir()] if root.parent.is_dir() else []
        raise UsageError.of("data.no_root", root=root, word=root.name, known=siblings)
    _unpack(root)
    found = {name: root / name for name in SPLITS if (root / name).is_dir()}
    for name in ("train",) if spec.val != "folder" else ("train", "val"):
        if name not in found and not (name == "val" and "test" in found):
            there = sorted(p.name for p in root.iterdir() if p.is_dir())[:8] or ["no folders"]
            rest = "" if name == "train" else ", or split them off: data.val=0.1"
            raise UsageError.of(
                "data.no_split_folder", root=root, name=name, there=there, rest=rest
            )
    return found


def _unpack(root: Path) -> None:
    """Let torchvision unpack ILSVRC-2012's archives where they lie and nothing is unpacked yet."""
    archives = {"train": "ILSVRC2012_img_train.tar", "val": "ILSVRC2012_img_val.tar"}
    for split, archive in archives.items():
        if (root / archive).exists() and not (root / split).is_dir():
            from torchvision.datasets import ImageNet  # type: ignore[import-untyped]

            try:
                ImageNet(str(root), split=split)
            except (OSError, RuntimeError) as error:
                raise UsageError.of(
                    "imagenet.archive", file=root / archive, error=error, root=root
                ) from error


def _is_flat(folder: Path) -> bool:
    """Whether a split holds pictures and no class folders."""
    return not next(os.walk(folder))[1]


def class_folders(folder: Path) -> list[str]:
    """The classes of a split in order: its folders, sorted by name."""
    classes = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    if len(classes) < 2:
        raise UsageError.of("data.few_classes", folder=folder, classes=classes)
    return classes


def _same_classes(classes: list[str], folder: Path, train: Path) -> None:
    here = set(class_folders(folder))
    extra, lacking = sorted(here - set(classes)), sorted(set(classes) - here)
    if extra or lacking:
        words = [f"{folder.name} has {', '.join(extra[:5])}, which train lacks"] if extra else []
        words += [f"{folder.name} lacks {', '.join(lacking[:5])}"] if lacking else []
        raise UsageError.of(
            "data.other_classes", train=train, folder=folder, words="; ".join(words)
        )


def _files(folder: Path, classes: list[str]) -> tuple[list[Path], list[int]]:
    """Every picture of a split and its label, in order of class and name."""
    paths, labels = [], []
    for label, name in enumerate(classes):
        entries = sorted(entry.name for entry in os.scandir(folder / name))
        here = [folder / name / e for e in entries if Path(e).suffix.lower() in SUFFIXES]
        if not here:
            raise UsageError.of("data.empty_class", folder=folder / name)
        paths += here
        labels += [label] * len(here)
    return paths, labels


def _listing(files: FilePictures, classes: list[str]) -> str:
    """A digest of classes, names and sizes in bytes."""
    content = hashlib.sha256()
    for label, path in zip(files.labels, files.paths, strict=True):
        content.update(f"{classes[label]}/{path.name}:{path.stat().st_size}\n".encode())
    return content.hexdigest()[:16]


def _undecodable(files: FilePictures, listing: str) -> npt.NDArray[np.bool_]:
    """(N,) bool: which files cannot be decoded, found in one pass over all and cached."""

    def fails(path: Path) -> bool:
        try:
            read_square(path, files.reading)
        except UsageError:
            return True
        return False

    def make() -> Arrays:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return {"bad": np.fromiter(pool.map(fails, files.paths), dtype=np.bool_)}

    return cached(f"undecodable-{listing}-{files.reading.size}", make)["bad"]
