"""ILSVRC-2012 as it is distributed: archives, a flat validation set, lists of its labels.

Known layouts: torchvision's (`ImageNet`: three archives, unpacked on first use), the devkit's
ground truth, Kaggle's (`LOC_val_solution.csv`) and Caffe's (`val.txt`).
"""

import os
from pathlib import Path

from alexcli.data.names import read_labels
from alexcli.errors import UsageError

DEVKIT = "ILSVRC2012_devkit_t12"
TRUTH = "ILSVRC2012_validation_ground_truth.txt"
LISTS = ("LOC_val_solution.csv", TRUTH, f"{DEVKIT}/data/{TRUTH}", "val.txt", "val_labels.txt")


Labelled = tuple[list[Path], list[int], str]
"""Pictures of a flat set, their labels, and which list was used and how it was read."""


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
            raise UsageError.of(
                "imagenet.archive", file=root / archives[split], error=error, root=root
            ) from error


def is_flat(folder: Path) -> bool:
    """Whether a split holds pictures and no class folders."""
    with os.scandir(folder) as entries:
        return not any(entry.is_dir() for entry in entries)


def labelled(root: Path, folder: Path, classes: list[str], given: str | None) -> Labelled:
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
    path = Path(given) if given else _nearby(root)
    if path is None or not path.exists():
        if (root / "meta.bin").exists():
            return _by_torchvision(root, paths, classes)
        if given:
            raise UsageError.of("imagenet.no_list", given=given, lists=LISTS)
        raise UsageError.of("imagenet.no_labels", folder=folder, root=root, lists=LISTS)
    files, labels, said = _read(path, classes)
    if len(labels) != len(paths):
        raise UsageError.of(
            "imagenet.label_count", path=path, labels=labels, folder=folder, paths=paths
        )
    if files is not None:
        by_name = dict(zip((Path(name).stem for name in files), labels, strict=True))
        missing = [p.name for p in paths if p.stem not in by_name]
        if missing:
            raise UsageError.of("imagenet.unlabelled", path=path, missing=missing[:5])
        labels = [by_name[p.stem] for p in paths]
    return paths, labels, f"labels of {folder.name} from {path.name}: {said}"


def _read(path: Path, classes: list[str]) -> tuple[list[str] | None, list[int], str]:
    """As `read_labels`, for the devkit's and Kaggle's lists too."""
    if path.name not in (TRUTH, LISTS[0]):
        return read_labels(path, classes)
    rows = [line.replace(",", " ").split() for line in path.read_text("utf-8").splitlines()]
    rows, files = [row for row in rows if row], None
    if path.name == TRUTH:
        wnids = _ilsvrc_ids(path)
        found = [wnids.get(row[0], row[0]) for row in rows]
    else:  # ImageId,PredictionString and then FILE,WNID and four coordinates for each object
        files, found = [row[0] for row in rows[1:]], [row[1] for row in rows[1:]]
    unknown = sorted(set(found) - set(classes))
    if unknown:
        raise UsageError.of("imagenet.unknown_class", path=path, unknown=unknown[0])
    return files, [classes.index(wnid) for wnid in found], "by class name"


def _ilsvrc_ids(truth: Path) -> dict[str, str]:
    """The devkit's numbers of the classes: ILSVRC ID to WNID."""
    import scipy.io

    meta = truth.with_name("meta.mat")
    if not meta.exists():
        raise UsageError.of("imagenet.no_meta", truth=truth)
    rows = scipy.io.loadmat(str(meta), squeeze_me=True)["synsets"]
    return {str(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in rows}


def _by_torchvision(root: Path, paths: list[Path], classes: list[str]) -> Labelled:
    """Labels from torchvision's meta.bin, which it reads without executing it."""
    from torchvision.datasets.imagenet import load_meta_file  # type: ignore[import-untyped]

    _, wnids = load_meta_file(str(root))
    if len(wnids) != len(paths) or not set(wnids) <= set(classes):
        raise UsageError.of("imagenet.other_meta", file=root / "meta.bin")
    return paths, [classes.index(w) for w in wnids], "labels of val from meta.bin"


def _nearby(root: Path) -> Path | None:
    """The first of the lists that exists in the root, or three folders above Kaggle's pictures."""
    folders = [root, *([root.parents[2]] if root.name == "CLS-LOC" else [])]
    places = [folder / name for folder in folders for name in LISTS]
    return next((place for place in places if place.is_file()), None)
