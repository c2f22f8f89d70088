"""What classes are called: WNIDs, words for people, and lists of labels.

Known lists are ILSVRC-2012's own: the devkit's ground truth, Kaggle's (`LOC_val_solution.csv`) and
Caffe's (`val.txt`).
"""

import re
from collections.abc import Sequence
from pathlib import Path

from alexcli.errors import UsageError

WNID = re.compile(r"n\d{8}")
WORDS = ("words.txt", "synset_words.txt", "LOC_synset_mapping.txt")
"""As ImageNet, Caffe and Kaggle call the file that says what each WNID means."""

KAGGLE, TRUTH = "LOC_val_solution.csv", "ILSVRC2012_validation_ground_truth.txt"
LISTS = (KAGGLE, TRUTH, f"ILSVRC2012_devkit_t12/data/{TRUTH}", "val.txt", "val_labels.txt")


def ilsvrc2012() -> list[str]:
    """The 1,000 WNIDs of ILSVRC-2012, sorted, which is the order of torchvision's outputs."""
    return Path(__file__).with_name("ilsvrc2012.txt").read_text(encoding="ascii").split()


def human_names(classes: Sequence[str], root: Path | None = None) -> list[str]:
    """Words for people, in the order of `classes`; a class that none is known for keeps its own.

    Args:
        classes: names of class folders, such as WNIDs.
        root: the data folder, which may hold one of WORDS.
    """
    if not any(WNID.fullmatch(name) for name in classes):
        return list(classes)
    known: dict[str, str] = {}
    order = ilsvrc2012()
    if not set(order).isdisjoint(classes):
        from torchvision.models import AlexNet_Weights  # type: ignore[import-untyped]

        known = dict(zip(order, AlexNet_Weights.IMAGENET1K_V1.meta["categories"], strict=True))
    for file in filter(Path.is_file, (root / name for name in WORDS if root is not None)):
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        known |= {w[0]: w[1].strip() for line in lines if len(w := line.split(None, 1)) == 2}
    return [known.get(name, name) for name in classes]


def read_labels(path: Path, classes: Sequence[str]) -> tuple[list[str] | None, list[int], str]:
    """A list of labels: one a line, or `FILE LABEL`; a label is a class or a number.

    The devkit's list and Kaggle's are known by their names.

    Args:
        path: the list.
        classes: names in the order of the outputs.

    Returns:
        The files where the list names them, the labels counted from 0, and how they were read.

    Raises:
        UsageError: unreadable, an unknown class, or numbers that cannot count the classes.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError.of("labels.unreadable", path=path, error=error) from None
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if path.name == KAGGLE:  # ImageId,PredictionString; FILE,WNID and four numbers for each object
        lines = [" ".join(line).replace(",", " ").split()[:2] for line in lines[1:]]
    if not lines:
        raise UsageError.of("labels.none", path=path)
    words = [line[-1] for line in lines]
    if path.name == TRUTH:
        wnids = _ilsvrc_ids(path)
        words = [wnids.get(word, word) for word in words]
    files = [" ".join(line[:-1]) for line in lines] if all(len(w) > 1 for w in lines) else None
    place = {name: index for index, name in enumerate(classes)}
    unknown = sorted(set(words) - set(place))
    if path.name in (KAGGLE, TRUTH) and unknown:
        raise UsageError.of("imagenet.unknown_class", path=path, unknown=unknown[0])
    if not unknown:
        said = "by class name" if path.name in (KAGGLE, TRUTH) else "labels are names of classes"
        return files, [place[word] for word in words], said
    names = [word for word in words if not word.removeprefix("-").isdecimal()]
    if strange := [word for word in names if word not in place]:
        raise UsageError.of("labels.strange", path=path, word=strange[0], known=place)
    if names:
        raise UsageError.of("labels.mixed", path=path, name=names[0], number=unknown[0])
    return files, *_counted(path, [int(word) for word in words], len(classes))


def _ilsvrc_ids(truth: Path) -> dict[str, str]:
    """The devkit's numbers of the classes: ILSVRC ID to WNID."""
    import scipy.io

    meta = truth.with_name("meta.mat")
    if not meta.exists():
        raise UsageError.of("imagenet.no_meta", truth=truth)
    rows = scipy.io.loadmat(str(meta), squeeze_me=True)["synsets"]
    return {str(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in rows}


def _counted(path: Path, labels: list[int], net: int) -> tuple[list[int], str]:
    """Labels counted from 0, whichever way the list counts."""
    low, high = min(labels), max(labels)
    if low < 0 or high > net or (low == 0 and high == net):
        raise UsageError.of("labels.range", path=path, low=low, high=high, net=net, most=net - 1)
    if high == net:
        said = f"labels are counted from 1 (they reach {net})"
        if net == 1000:
            said += "; ILSVRC's own lists count in the devkit's order, not in that of sorted WNIDs"
        return [label - 1 for label in labels], said
    sure = "" if low == 0 else f" (neither 0 nor {net} occurs; names of classes leave no doubt)"
    return labels, f"labels are counted from 0{sure}"


def flat_labels(
    root: Path, folder: Path, classes: list[str], given: str | None
) -> tuple[list[Path], list[int], str]:
    """The label of every picture of a folder without class folders, as ImageNet distributes `val`.

    Args:
        root: of the data set.
        folder: with the pictures.
        classes: WordNet IDs (WNIDs) in order.
        given: the list, where the user names one.

    Returns:
        The pictures, their labels, and which list was used and how it was read.

    Raises:
        UsageError: no list, a list of another length, labels that are no classes.
    """
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".jpeg", ".jpg", ".png"))
    # In the root, or three folders above Kaggle's pictures.
    folders = [root, *([root.parents[2]] if root.name == "CLS-LOC" else [])]
    places = [Path(given)] if given else [place / name for place in folders for name in LISTS]
    path = next((place for place in places if place.exists()), None)
    if path is None:
        if given:
            raise UsageError.of("imagenet.no_list", given=given, lists=LISTS)
        raise UsageError.of("imagenet.no_labels", folder=folder, root=root, lists=LISTS)
    files, labels, said = read_labels(path, classes)
    if len(labels) != len(paths):
        raise UsageError.of("imagenet.count", path=path, labels=labels, folder=folder, paths=paths)
    if files is not None:
        by_name = dict(zip((Path(name).stem for name in files), labels, strict=True))
        missing = [p.name for p in paths if p.stem not in by_name]
        if missing:
            raise UsageError.of("imagenet.unlabelled", path=path, missing=missing[:5])
        labels = [by_name[p.stem] for p in paths]
    return paths, labels, f"labels of {folder.name} from {path.name}: {said}"
