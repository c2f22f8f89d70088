"""Class folders: DIR/train/CLASS/*, DIR/val/CLASS/*, as ImageNet and most data sets come."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from alexcli.data import imagenet
from alexcli.data.cache import cached
from alexcli.data.dataset import Dataset
from alexcli.data.pictures import FilePictures, Reading, undecodable
from alexcli.errors import UsageError, nearest
from alexcli.schema import DataSpec, OnError

SUFFIXES = frozenset(Image.registered_extensions())
SPLITS = ("train", "val", "test")


def digest(value: object) -> str:
    """A short digest of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def open_folder(spec: DataSpec, root: Path) -> Dataset:
    """List the pictures of a tree of class folders.

    A flat `val`, as ImageNet distributes it, is sorted by its list of labels.

    Raises:
        UsageError: no such folder, no classes, classes that differ between splits, no labels.
    """
    found = _splits(spec, root)
    classes = class_folders(found["train"])
    reading = Reading(spec.size, spec.resize, spec.kernel)
    read: dict[str, FilePictures] = {}
    identity: list[object] = [spec.size]
    if reading != Reading(spec.size):
        identity = [str(reading)]
    skipped, notes = 0, []
    for name, folder in found.items():
        if name != "train" and imagenet.is_flat(folder):
            if name == "test":
                notes.append(f"{folder} is left out: its pictures are in no class folders")
                continue
            given = Path(spec.val_labels) if spec.val_labels else None
            flat = imagenet.labelled(root, folder, classes, given)
            notes.append(flat.note)
            files = [(classes[label], path) for path, label in zip(*flat[:2], strict=True)]
        else:
            _same_classes(classes, folder, found["train"])
            files = _files(folder, classes)
        read[name], listing = _listing(folder, files, classes, reading)
        identity.append([name, listing])
        if spec.on_error is OnError.skip:
            read[name], bad = _without_undecodable(read[name], listing)
            skipped += bad
            identity.append(bad)
    test = read.get("test", read.get("val"))
    return Dataset(
        classes=classes,
        train=read["train"],
        # Without any held-out folder, `data.val` is a fraction, and the caller replaces this.
        val=read.get("val", test or read["train"]),
        test=test,
        fingerprint=digest(identity),
        size=spec.size,
        resize=str(reading),
        skipped=skipped,
        note="; ".join(notes) or None,
    )


def _splits(spec: DataSpec, root: Path) -> dict[str, Path]:
    """The folders of the splits that exist; UsageError when one that is needed does not."""
    if not root.is_dir():
        raise UsageError(f"data.root={root} does not exist", hint=_near_folder(root))
    imagenet.unpack(root)
    found = {name: root / name for name in SPLITS if (root / name).is_dir()}
    for name in ("train",) if spec.val != "folder" else ("train", "val"):
        if name not in found and not (name == "val" and "test" in found):
            there = sorted(p.name for p in root.iterdir() if p.is_dir())[:8]
            raise UsageError(
                f"data.root={root} has no folder {name}; it has {', '.join(there) or 'no folders'}",
                hint=f"put the pictures in {root / name}/CLASS/"
                + ("" if name == "train" else ", or split them off: data.val=0.1"),
            )
    return found


def _near_folder(root: Path) -> str:
    siblings = [p.name for p in root.parent.iterdir()] if root.parent.is_dir() else []
    near = nearest(root.name, siblings)
    return f"did you mean {root.parent / near}?" if near else "check the path"


def class_folders(folder: Path) -> list[str]:
    """The classes of a split in order: its folders, sorted by name."""
    classes = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    if len(classes) < 2:
        raise UsageError(
            f"{folder} holds {len(classes)} class folders; two or more are needed",
            hint=f"put each class's pictures in a folder of its own: {folder}/CLASS/*.jpg",
        )
    return classes


def _same_classes(classes: list[str], folder: Path, train: Path) -> None:
    here = set(class_folders(folder))
    extra, lacking = sorted(here - set(classes)), sorted(set(classes) - here)
    if extra or lacking:
        words = [f"{folder.name} has {', '.join(extra[:5])}, which train lacks"] if extra else []
        words += [f"{folder.name} lacks {', '.join(lacking[:5])}"] if lacking else []
        raise UsageError(
            f"class folders of {train} and {folder} differ: {'; '.join(words)}",
            hint="the class folders of all splits must be the same",
        )


def _files(folder: Path, classes: list[str]) -> list[tuple[str, Path]]:
    """Every picture of a split with its class, in order of class and name."""
    found = []
    for name in classes:
        entries = sorted(entry.name for entry in os.scandir(folder / name))
        here = [folder / name / e for e in entries if Path(e).suffix.lower() in SUFFIXES]
        if not here:
            raise UsageError(
                f"{folder / name} holds no pictures", hint="remove the folder from every split"
            )
        found += [(name, path) for path in here]
    return found


def _listing(
    folder: Path, files: list[tuple[str, Path]], classes: list[str], reading: Reading
) -> tuple[FilePictures, str]:
    """The pictures of a split, and a digest of their classes, names and sizes in bytes."""
    index = {name: label for label, name in enumerate(classes)}
    content = hashlib.sha256()
    for name, path in files:
        content.update(f"{name}/{path.name}:{path.stat().st_size}\n".encode())
    labels = np.array([index[name] for name, _ in files], dtype=np.int64)
    pictures = FilePictures(folder, [path for _, path in files], labels, reading)
    return pictures, content.hexdigest()[:16]


def _without_undecodable(pictures: FilePictures, listing: str) -> tuple[FilePictures, int]:
    """Leave out files that cannot be decoded; which they are is found once and cached."""
    name = f"undecodable-{listing}-{pictures.reading.size}"
    bad = cached(name, lambda: {"bad": undecodable(pictures)})["bad"]
    kept = np.flatnonzero(~bad)
    paths = [pictures.paths[i] for i in kept]
    return replace(pictures, paths=paths, labels=pictures.labels[kept]), int(bad.sum())
