"""Source `folder`: any folder of class folders, DIR/train/CLASS/* and DIR/val/CLASS/*."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alexcli.data.cache import Arrays, cached
from alexcli.data.dataset import Dataset, digest
from alexcli.data.decode import ResizeSpec
from alexcli.data.file_names import holds_images, subfolders
from alexcli.data.images import FileImages, ImageSource
from alexcli.data.sources.class_folders import (
    SplitFiles,
    class_files,
    class_folders,
    flat_folder,
    listed,
)
from alexcli.data.sources.file_identity import listing_digest
from alexcli.data.sources.flat_folder import flat_files
from alexcli.data.sources.imagenet_archives import unpack_imagenet
from alexcli.data.sources.layout import (
    Layout,
    check_root,
    find_layout,
    split_folders,
    split_of_name,
)
from alexcli.data.sources.root import required_root
from alexcli.errors import UsageError, plural
from alexcli.reporter import Reporter
from alexcli.schema import DataSpec, OnError


def open_splits(
    spec: DataSpec, reporter: Reporter, net_classes: Sequence[str] | None = None
) -> Dataset:
    """List the images of the class folders of `train`, `val` and `test`; none is decoded yet.

    The archives of ILSVRC-2012 are unpacked first. The images of a flat `val`, as ImageNet
    distributes it, get their classes from its list of labels. See `find_layout` and
    `class_folders` for other accepted layouts.

    Args:
        spec: the data's keys.
        reporter: receives a note before archives are unpacked.
        net_classes: the classes of a net to evaluate, for which `train` may be missing; None if
            the training set is needed.

    Raises:
        UsageError: a folder is missing, a class of the training set has no images, another split
            has classes that the training set lacks, or a flat `val` or lone `test` has no labels.
    """
    root = Path(required_root(spec))
    check_root(root)
    unpack_imagenet(root, reporter)
    layout = find_layout(root)
    folders = _folders(spec, layout, net_classes)
    classes = _classes(folders, net_classes)
    resize_spec = ResizeSpec.from_spec(spec)
    is_default = str(resize_spec) == str(ResizeSpec(spec.size))
    identity: list[object] = [spec.size if is_default else str(resize_spec)]
    splits: dict[str, ImageSource] = {}
    notes = [layout.note] if layout.note else []
    if layout.is_bare and "val" in folders:
        notes.append(f"{root.resolve().name} has no splits: val is every image in it")
    skipped = 0
    for name, folder in folders.items():
        found = _split_files(name, folder, classes, layout, spec)
        if found is None:
            notes.append(f"{folder.name} is left out: its images have no labels")
            continue
        notes += found.notes
        files = FileImages(folder, found.paths, np.array(found.labels, np.int64), resize_spec)
        listing = listing_digest(found, reporter)
        identity.append([name, listing])
        if spec.on_error is OnError.skip:
            undecodable = _find_undecodable(files, listing)
            if undecodable.any():
                files = files.subset(np.flatnonzero(~undecodable))
                identity.append(int(undecodable.sum()))
                skipped += int(undecodable.sum())
        splits[name] = files
    if not splits:
        raise _without_labels(folders["test"])
    return Dataset.from_splits(
        classes,
        splits,
        fingerprint=digest(identity),
        size=spec.size,
        resize=str(resize_spec),
        note="; ".join(notes) or None,
        skipped=skipped,
    )


def _folders(spec: DataSpec, layout: Layout, net_classes: Sequence[str] | None) -> dict[str, Path]:
    """The folders of the splits; UsageError if a required one does not exist."""
    root = layout.root
    folders = dict(layout.folders)
    if layout.is_bare:
        is_evaluated = net_classes is not None and spec.val == "folder"
        folders = {"val" if is_evaluated else "train": root}
    if net_classes is not None and folders:
        return folders
    if "train" not in folders:
        raise _is_a_split(root) or _without_classes(root) or _missing_split(root, "train")
    if spec.val == "folder" and "val" not in folders and "test" not in folders:
        if layout.is_bare:
            raise _is_a_split(root) or _bare_error(root)
        raise _missing_split(root, "val")
    return folders


def _is_a_split(root: Path) -> UsageError | None:
    """The error for a root that is itself one of several splits; None for any other folder."""
    if split_of_name(root.name) is None or len(split_folders(root.parent)) < 2:
        return None
    return UsageError(
        f"data.root={root} is one of the splits of {root.parent}", hint=f"data.root={root.parent}"
    )


def _without_classes(root: Path) -> UsageError | None:
    """The error for a root that holds images itself; None for any other folder."""
    if subfolders(root) or not holds_images(root):
        return None
    hint = f"one folder for each class: {root}/CLASS/*.jpg"
    with suppress(UsageError):  # the parent folder may hold anything
        if find_layout(root.parent).is_bare:
            hint = f"data.root={root.parent}, whose folders are the classes"
    return UsageError(
        f"data.root={root} holds images, but no class folders",
        hint=f"{hint}; alexcli predict {root} needs no classes",
    )


def _bare_error(root: Path) -> UsageError:
    """The error for class folders without splits."""
    return UsageError(
        f"data.root={root} has class folders ({listed(subfolders(root))}) but no split val",
        hint="data.val=0.1 splits a tenth of the images off for validation",
    )


def _without_labels(folder: Path) -> UsageError:
    """The error for a flat `test` without other splits."""
    return UsageError(
        f"the only images are those of {folder}, and they have no labels",
        hint=f"one folder for each class: {folder}/CLASS/*.jpg; alexcli predict {folder} needs no "
        "classes",
    )


def _missing_split(root: Path, name: str) -> UsageError:
    """The error for a required split that does not exist."""
    names = ", ".join(subfolders(root)[:8]) or "no folders"
    hint = f"put the images in {root}/{name}/CLASS/"
    if name == "val":
        hint += ", or split them off: data.val=0.1"
    return UsageError(f"data.root={root} has no folder {name}; it has {names}", hint=hint)


def _classes(folders: dict[str, Path], net_classes: Sequence[str] | None) -> list[str]:
    """The classes in order: those of the training set, or else those of the splits that exist.

    Raises:
        UsageError: the training set has fewer than two, or lacks one of another split.
    """
    of_split = {name: list(class_folders(folder)) for name, folder in folders.items()}
    if "train" in folders:
        classes = of_split["train"]
        if len(classes) < 2:
            raise UsageError(
                f"{folders['train']} holds {plural(len(classes), 'class folder')}; two or more "
                "are needed",
                hint="put each class's images in a folder of its own: "
                f"{folders['train']}/CLASS/*.jpg",
            )
        for name, folder in folders.items():
            if flat_folder(folder, classes) is None:
                _check_known(folder, of_split[name], classes, folders["train"])
        return classes
    is_flat = [flat_folder(folder, net_classes) is not None for folder in folders.values()]
    if any(is_flat):
        return list(net_classes or [])
    return sorted({name for names in of_split.values() for name in names})


def _check_known(folder: Path, names: list[str], classes: list[str], train: Path) -> None:
    """Raise UsageError if a split has classes that the training set lacks."""
    extra = sorted(set(names) - set(classes))
    if extra:
        raise UsageError(
            f"class folders of {train} and {folder} differ: {folder.name} has {listed(extra)}, "
            "which train lacks",
            hint="every class folder needs one of the same name in the training set",
        )


def _split_files(
    name: str, folder: Path, classes: list[str], layout: Layout, spec: DataSpec
) -> SplitFiles | None:
    """The images of a split; None for test images without labels."""
    flat = flat_folder(folder, classes)
    if flat is None or name == "train":
        return class_files(folder, class_folders(folder), classes, needs_all=name == "train")
    if name == "test":
        return None
    return flat_files(layout, flat, classes, spec.val_labels)


def _find_undecodable(files: FileImages, listing: str) -> npt.NDArray[np.bool_]:
    """Which files cannot be decoded, (N,) bool, found in one pass over all files and cached.

    The cache is not asked once a file has another time of modification, because a repaired one may
    have the same size.

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

    limits = [files.resize_spec.max_pixels, files.resize_spec.depth]
    name = f"undecodable-{listing}-{files.resize_spec.size}-{digest([limits, files.stamps()])}"
    return cached(name, find)["bad"]
