"""Lists of labels: a class or a number for each image of a folder.

Two lists of ILSVRC-2012 have formats of their own and are recognised by their names: the devkit's
ground truth and Kaggle's `LOC_val_solution.csv`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from alexcli.errors import UsageError, did_you_mean

KAGGLE = "LOC_val_solution.csv"

GROUND_TRUTH = "ILSVRC2012_validation_ground_truth.txt"

LINE_FORMAT = "a line is LABEL or FILE LABEL"


class LabelList(NamedTuple):
    """The content of a list of labels."""

    files: list[str] | None
    """The file that each line names; None where the list names none."""
    labels: list[int]
    """Positions in the list of classes, counted from 0."""
    description: str
    """How the labels were read, such as `labels are counted from 1`."""


def read_labels(path: Path, classes: Sequence[str]) -> LabelList:
    """Read a list of labels, `LABEL` or `FILE LABEL` a line; a label is a class or a number.

    Args:
        path: the list.
        classes: names in the order of the outputs.

    Raises:
        UsageError: the list cannot be read, names an unknown class, or has numbers that cannot
            count the classes.
    """
    lines = _split_lines(path)
    if not lines:
        raise UsageError(f"{path} holds no labels", hint=LINE_FORMAT)
    entries = [line[-1] for line in lines]
    if path.name == GROUND_TRUTH:
        wnids = _wnids_of_devkit(path)
        entries = [wnids.get(entry, entry) for entry in entries]
    files = None
    if all(len(line) > 1 for line in lines):
        files = [" ".join(line[:-1]) for line in lines]

    positions = {name: index for index, name in enumerate(classes)}
    unknown = sorted(set(entries) - set(positions))
    is_ilsvrc = path.name in (KAGGLE, GROUND_TRUTH)
    if is_ilsvrc and unknown:
        raise UsageError(f"{path} holds {unknown[0]}, which is not a class of the training set")
    if not unknown:
        labels = [positions[entry] for entry in entries]
        description = "by class name" if is_ilsvrc else "labels are names of classes"
        return LabelList(files, labels, description)
    _check_numbers(path, entries, classes)
    labels, description = _count_from_zero(path, [int(entry) for entry in entries], len(classes))
    return LabelList(files, labels, description)


def _split_lines(path: Path) -> list[list[str]]:
    """The words of each line; of Kaggle's lines, the file and the class of the first object."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"the list of labels {path} cannot be read: {error}") from None
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if path.name == KAGGLE:  # ImageId,PredictionString; FILE,WNID and four numbers for each object
        return [" ".join(line).replace(",", " ").split()[:2] for line in lines[1:]]
    return lines


def _wnids_of_devkit(ground_truth: Path) -> dict[str, str]:
    """The classes that the devkit's numbers mean: ILSVRC ID to WNID."""
    import scipy.io

    meta = ground_truth.with_name("meta.mat")
    if not meta.exists():
        raise UsageError(
            f"{ground_truth} holds ILSVRC IDs, and only the devkit's meta.mat says which classes "
            "they are",
            hint="put meta.mat, which comes in ILSVRC2012_devkit_t12/data, beside it",
        )
    rows = scipy.io.loadmat(str(meta), squeeze_me=True)["synsets"]
    return {str(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in rows}


def _check_numbers(path: Path, entries: Sequence[str], classes: Sequence[str]) -> None:
    """UsageError where a label that is no number is no class either, or where both kinds occur."""
    names = [entry for entry in entries if not entry.removeprefix("-").isdecimal()]
    known_classes = set(classes)
    strange = [name for name in names if name not in known_classes]
    if strange:
        raise UsageError(
            f"{path}: {strange[0]!r} is neither a class nor a number",
            hint=did_you_mean(strange[0], classes) or LINE_FORMAT,
        )
    if names:
        numbers = sorted(set(entries) - set(classes))
        raise UsageError(
            f"{path} has names of classes ({names[0]}) as well as numbers ({numbers[0]})",
            hint="use one or the other throughout",
        )


def _count_from_zero(path: Path, numbers: list[int], classes: int) -> tuple[list[int], str]:
    """Labels counted from 0, whether the list counts from 0 or from 1.

    Args:
        path: names the list in error messages.
        numbers: the labels as the list has them.
        classes: number of classes.

    Returns:
        The labels, and how the list counts.
    """
    lowest = min(numbers)
    highest = max(numbers)
    if lowest < 0 or highest > classes or (lowest == 0 and highest == classes):
        raise UsageError(
            f"{path} holds labels from {lowest} to {highest}, and the net has {classes:,} classes",
            hint=f"count from 0 to {classes - 1} or from 1 to {classes}",
        )
    if highest == classes:
        description = f"labels are counted from 1 (they reach {classes})"
        if classes == 1000:
            description += (
                "; ILSVRC's own lists count in the devkit's order, not in that of sorted WNIDs"
            )
        return [number - 1 for number in numbers], description
    description = "labels are counted from 0"
    if lowest > 0:
        description += f" (neither 0 nor {classes} occurs; names of classes would leave no doubt)"
    return numbers, description
