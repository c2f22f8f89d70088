"""What classes are called: WNIDs, words for people, and lists of labels."""

import re
from collections.abc import Sequence
from pathlib import Path

from alexcli.errors import UsageError

WNID = re.compile(r"n\d{8}")
# As ImageNet, Caffe and Kaggle call the file that says what each WNID means.
WORDS = ("words.txt", "synset_words.txt", "LOC_synset_mapping.txt")


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
    for file in (root / name for name in WORDS if root is not None):
        if file.is_file():
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            known |= {w[0]: w[1].strip() for line in lines if len(w := line.split(None, 1)) == 2}
    return [known.get(name, name) for name in classes]


def read_labels(path: Path, classes: Sequence[str]) -> tuple[list[str] | None, list[int], str]:
    """A list of labels: one a line, or `FILE LABEL`; a label is a class or a number.

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
    if not lines:
        raise UsageError.of("labels.none", path=path)
    words = [line[-1] for line in lines]
    files = [" ".join(line[:-1]) for line in lines] if all(len(w) > 1 for w in lines) else None
    place = {name: index for index, name in enumerate(classes)}
    if all(word in place for word in words):
        return files, [place[word] for word in words], "labels are names of classes"
    strange = next((w for w in words if not w.lstrip("-").isdigit() and w not in place), None)
    if strange is not None:
        raise UsageError.of("labels.strange", path=path, word=strange, known=place)
    return files, *_counted(path, [int(word) for word in words], len(classes))


def _counted(path: Path, labels: list[int], classes: int) -> tuple[list[int], str]:
    """Labels counted from 0, whichever way the list counts."""
    low, high = min(labels), max(labels)
    if low < 0 or high > classes or (low == 0 and high == classes):
        raise UsageError.of(
            "labels.range", path=path, low=low, high=high, net=classes, most=classes - 1
        )
    if high == classes:
        said = f"labels are counted from 1 (they reach {classes})"
        if classes == 1000:
            said += "; ILSVRC's own lists count in the devkit's order, not in that of sorted WNIDs"
        return [label - 1 for label in labels], said
    sure = "" if low == 0 else f" (neither 0 nor {classes} occurs; names of classes leave no doubt)"
    return labels, f"labels are counted from 0{sure}"
