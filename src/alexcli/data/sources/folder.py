"""Source `folder`: any folder of class folders, DIR/train/CLASS/* and DIR/val/CLASS/*."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alexcli.data.cache import Arrays, cached
from alexcli.data.dataset import Dataset, digest
from alexcli.data.decode import SUFFIXES, ResizeSpec
from alexcli.data.images import FileImages, ImageSource
from alexcli.data.sources.flat_folder import flat_labels
from alexcli.data.sources.imagenet_archives import unpack_imagenet
from alexcli.data.sources.root import required_root
from alexcli.errors import UsageError, nearest, plural, sibling_names
from alexcli.reporter import Reporter
from alexcli.schema import DataSpec, OnError


def open_splits(spec: DataSpec, reporter: Reporter) -> Dataset:
    """List the images of the class folders of `train`, `val` and `test`; none is decoded yet.

    The archives of ILSVRC-2012 are unpacked first. The images of a flat `val`, as ImageNet
    distributes it, get their classes from its list of labels.

    Args:
        spec: the data's keys.
        reporter: receives a note before archives are unpacked.

    Raises:
        UsageError: a folder is missing, a class has no images, the classes of two splits differ,
            or a flat `val` has no labels.
    """
    root = Path(required_root(spec))
    folders = _split_folders(spec, root, reporter)
    classes = _class_names(folders["train"])
    resize_spec = ResizeSpec(spec.size, spec.resize, spec.kernel)
    is_default = resize_spec == ResizeSpec(spec.size)
    identity: list[object] = [spec.size if is_default else str(resize_spec)]
    splits: dict[str, ImageSource] = {}
    notes = []
    skipped = 0
    for name, folder in folders.items():
        if name == "train" or _subfolders(folder):
            paths, labels = _class_files(folder, classes)
        elif name == "val":
            paths, labels, note = flat_labels(root, folder, classes, spec.val_labels)
            notes.append(note)
        else:
            notes.append(f"{folder} is left out: its images are in no class folders")
            continue
        files = FileImages(folder, paths, np.array(labels, dtype=np.int64), resize_spec)
        listing = _listing_digest(files, classes)
        identity.append([name, listing])
        if spec.on_error is OnError.skip:
            undecodable = _find_undecodable(files, listing)
            files = files.subset(np.flatnonzero(~undecodable))
            count = int(undecodable.sum())
            identity.append(count)
            skipped += count
        splits[name] = files
    return Dataset.from_splits(
        classes,
        splits,
        fingerprint=digest(identity),
        size=spec.size,
        resize=str(resize_spec),
        note="; ".join(notes) or None,
        skipped=skipped,
    )


def _split_folders(spec: DataSpec, root: Path, reporter: Reporter) -> dict[str, Path]:
    """The folders of the splits that exist; UsageError when one that is needed does not."""
    if not root.is_dir():
        similar = nearest(root.name, sibling_names(root))
        raise UsageError(
            f"data.root={root} does not exist",
            hint=f"did you mean {root.parent}/{similar}?" if similar else "check the path",
        )
    unpack_imagenet(root, reporter)
    candidates = {name: root / name for name in ("train", "val", "test")}
    folders = {name: folder for name, folder in candidates.items() if folder.is_dir()}
    if "train" not in folders:
        raise _missing_split(root, "train")
    if spec.val == "folder" and "val" not in folders and "test" not in folders:
        raise _missing_split(root, "val")
    return folders


def _missing_split(root: Path, name: str) -> UsageError:
    """The error for a split that is needed and does not exist."""
    subfolders = ", ".join(_subfolders(root)[:8]) or "no folders"
    hint = f"put the images in {root}/{name}/CLASS/"
    if name == "val":
        hint += ", or split them off: data.val=0.1"
    return UsageError(f"data.root={root} has no folder {name}; it has {subfolders}", hint=hint)


def _subfolders(folder: Path) -> list[str]:
    """Names of the folders in a folder, sorted."""
    return sorted(next(os.walk(folder))[1])


def _class_names(folder: Path) -> list[str]:
    """The classes of a split in order; UsageError where there are fewer than two."""
    classes = _subfolders(folder)
    if len(classes) < 2:
        raise UsageError(
            f"{folder} holds {plural(len(classes), 'class folder')}; two or more are needed",
            hint=f"put each class's images in a folder of its own: {folder}/CLASS/*.jpg",
        )
    return classes


def _class_files(folder: Path, classes: list[str]) -> tuple[list[Path], list[int]]:
    """Every image of a split and its label, in order of class and name.

    Raises:
        UsageError: the class folders are not those of `classes`, or one holds no images.
    """
    _check_same_classes(folder, classes)
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        files = sorted((folder / name).iterdir(), key=lambda path: path.name)
        images = [path for path in files if path.suffix.lower() in SUFFIXES]
        if not images:
            raise UsageError(
                f"{folder / name} holds no images", hint="remove the folder from every split"
            )
        paths += images
        labels += len(images) * [label]
    return paths, labels


def _check_same_classes(folder: Path, classes: list[str]) -> None:
    """UsageError unless the class folders of a split are those of the training set."""
    present = set(_class_names(folder))
    extra = sorted(present - set(classes))
    lacking = sorted(set(classes) - present)
    differences = []
    if extra:
        differences.append(f"{folder.name} has {', '.join(extra[:5])}, which train lacks")
    if lacking:
        differences.append(f"{folder.name} lacks {', '.join(lacking[:5])}")
    if differences:
        train = folder.with_name("train")
        raise UsageError(
            f"class folders of {train} and {folder} differ: {'; '.join(differences)}",
            hint="the class folders of all splits must be the same",
        )


def _listing_digest(files: FileImages, classes: list[str]) -> str:
    """A digest of the class, name and size in bytes of every file."""
    content = hashlib.sha256()
    for label, path in zip(files.labels, files.paths, strict=True):
        content.update(f"{classes[label]}/{path.name}:{path.stat().st_size}\n".encode())
    return content.hexdigest()[:16]


def _find_undecodable(files: FileImages, listing: str) -> npt.NDArray[np.bool_]:
    """Which files cannot be decoded, (N,) bool: found in one pass over all of them and cached.

    Args:
        files: the images of a split.
        listing: their digest, which names the file in the cache.
    """

    def is_undecodable(row: int) -> bool:
        try:
            files.fetch_one(row)
        except UsageError:
            return True
        return False

    def find() -> Arrays:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            results = pool.map(is_undecodable, range(len(files)))
            return {"bad": np.fromiter(results, dtype=np.bool_)}

    return cached(f"undecodable-{listing}-{files.resize_spec.size}", find)["bad"]
