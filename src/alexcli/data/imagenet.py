"""ILSVRC-2012 as it is distributed: archives, flat validation set, label lists, English names.

Known layouts: torchvision's (`ImageNet`: three archives, unpacked on first use), the devkit's
ground truth, Kaggle's (`LOC_val_solution.csv`, `LOC_synset_mapping.txt`) and Caffe's (`val.txt`,
`synset_words.txt`).
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

from alexcli.errors import UsageError

DEVKIT = "ILSVRC2012_devkit_t12"
TRUTH = "ILSVRC2012_validation_ground_truth.txt"
LISTS = ("LOC_val_solution.csv", TRUTH, f"{DEVKIT}/data/{TRUTH}", "val.txt", "val_labels.txt")
WORDS = ("LOC_synset_mapping.txt", "synset_words.txt", "words.txt")


class Flat(NamedTuple):
    """A flat validation set with its labels."""

    paths: list[Path]
    labels: list[int]
    note: str
    """Which list was used and how its labels were read."""


def unpack(root: Path) -> None:
    """Let torchvision unpack ILSVRC-2012's archives where they lie and nothing is unpacked yet.

    Raises:
        UsageError: an archive is damaged, or the devkit is missing.
    """
    archives = {"train": "ILSVRC2012_img_train.tar", "val": "ILSVRC2012_img_val.tar"}
    waiting = [s for s, a in archives.items() if (root / a).exists() and not (root / s).is_dir()]
    if not waiting:
        return
    from torchvision.datasets import ImageNet  # type: ignore[import-untyped]

    for split in waiting:
        try:
            ImageNet(str(root), split=split)
        except (OSError, RuntimeError) as error:
            raise UsageError(
                f"{root / archives[split]} cannot be unpacked: {error}",
                hint=f"put ILSVRC-2012's archives, {DEVKIT}.tar.gz too, in {root}",
            ) from error


def is_flat(folder: Path) -> bool:
    """Whether a split holds pictures and no class folders."""
    with os.scandir(folder) as entries:
        return not any(entry.is_dir() for entry in entries)


def labelled(root: Path, folder: Path, classes: list[str], given: Path | None) -> Flat:
    """Find the label of every picture of a flat folder.

    Args:
        root: of the data set.
        folder: with the pictures.
        classes: WordNet IDs (WNIDs) in order.
        given: the list, where the user names one.

    Raises:
        UsageError: no list, a list of another length, labels that are no classes.
    """
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".jpeg", ".jpg", ".png"))
    path = given or _nearby(root, LISTS)
    if path is None or not path.exists():
        if (root / "meta.bin").exists():
            return _by_torchvision(root, paths, classes)
        lacking = f"the folder {folder} is flat, and no list of its labels is in {root}"
        raise UsageError(
            f"val_labels={given} does not exist" if given else lacking,
            hint=f"name a list, val_labels=FILE, or put one of {', '.join(LISTS)} there",
        )
    lines = [re.split(r"[,\s]+", line.strip()) for line in path.read_text().splitlines()]
    lines = [words for words in lines if words[0] and words[0] != "ImageId"]
    if len(lines) != len(paths):
        raise UsageError(
            f"{path} has {len(lines)} labels and {folder} has {len(paths)} pictures",
            hint="val_labels=FILE names another list",
        )
    if len(lines[0]) > 1:  # name and label; otherwise one label a picture, in order of the names
        by_name = {Path(words[0]).stem: words[1] for words in lines}
        missing = [p.name for p in paths if p.stem not in by_name]
        if missing:
            raise UsageError(f"{path} has no label for {', '.join(missing[:5])}")
        found = [by_name[p.stem] for p in paths]
    else:
        found = [words[0] for words in lines]
    labels, how = _indices(found, classes, path, paired=len(lines[0]) > 1)
    return Flat(paths, labels, f"labels of {folder.name} from {path.name}, {how}")


def _indices(
    found: list[str], classes: list[str], path: Path, *, paired: bool
) -> tuple[list[int], str]:
    """Labels as positions in `classes`, and how they were read."""
    index = {name: label for label, name in enumerate(classes)}
    if all(word in index for word in found):
        return [index[word] for word in found], "by class name"
    if not all(word.isdigit() for word in found):
        odd = next(word for word in found if word not in index and not word.isdigit())
        raise UsageError(
            f"{path} holds {odd!r}, which is neither a class of the training set nor a number",
            hint="each label is a class folder's name, or its number",
        )
    numbers = [int(word) for word in found]
    meta = path.parent / "meta.mat"
    if path.name == TRUTH or meta.exists():
        if not meta.exists():
            raise UsageError(
                f"{path} holds ILSVRC IDs, whose order only the devkit's meta.mat tells",
                hint=f"put meta.mat, which comes in {DEVKIT}/data, beside it",
            )
        wnids = _ilsvrc_ids(meta)
        return _indices([wnids.get(n, str(n)) for n in numbers], classes, path, paired=paired)
    first = 1 if max(numbers) == len(classes) and min(numbers) >= 1 else 0
    if max(numbers) - first >= len(classes):
        raise UsageError(
            f"{path} holds the label {max(numbers)}, and there are {len(classes)} classes",
            hint="val_labels=FILE names another list",
        )
    return [n - first for n in numbers], f"numbers from {first} in the order of the class names"


def _ilsvrc_ids(meta: Path) -> dict[int, str]:
    """The devkit's numbers of the classes: ILSVRC ID to WNID."""
    import scipy.io

    rows = scipy.io.loadmat(str(meta), squeeze_me=True)["synsets"]
    return {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in rows}


def _by_torchvision(root: Path, paths: list[Path], classes: list[str]) -> Flat:
    """Labels from torchvision's meta.bin, which it reads without executing it."""
    from torchvision.datasets.imagenet import load_meta_file  # type: ignore[import-untyped]

    _, wnids = load_meta_file(str(root))
    if len(wnids) != len(paths):
        raise UsageError(f"{root / 'meta.bin'} labels {len(wnids)} pictures, not {len(paths)}")
    labels, how = _indices(list(wnids), classes, root / "meta.bin", paired=False)
    return Flat(paths, labels, f"labels of val from meta.bin, {how}")


def words(root: Path, classes: list[str]) -> dict[str, str]:
    """English names of the classes, where a list of them is beside the pictures.

    Returns:
        WNID to words; empty where there is no list.
    """
    path = _nearby(root, WORDS)
    if path is None:
        return {}
    wanted, found = set(classes), {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, said = line.strip().replace("\t", " ").partition(" ")
        if name in wanted and said:
            found[name] = said.strip()
    return found


def _nearby(root: Path, names: tuple[str, ...]) -> Path | None:
    """The first of the files that exists in the root, or three folders above Kaggle's pictures."""
    folders = [root, *([root.parents[2]] if root.name == "CLS-LOC" else [])]
    places = [folder / name for folder in folders for name in names]
    return next((place for place in places if place.is_file()), None)
