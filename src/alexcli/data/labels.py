"""Lists of labels: a class or a number for each image of a folder.

Two lists of ILSVRC-2012 have special formats and are recognised by their names: the devkit's ground
truth and Kaggle's `LOC_val_solution.csv`. Places365 numbers its classes in another list.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from alexcli.data.file_names import normal_form
from alexcli.data.label_columns import Line, is_image_name, is_number, read_lines, split_columns
from alexcli.data.mat import MatFile
from alexcli.errors import UsageError, did_you_mean

KAGGLE = "LOC_val_solution.csv"

GROUND_TRUTH = "ILSVRC2012_validation_ground_truth.txt"

PLACES = "places365_val.txt"

PLACES_CATEGORIES = "categories_places365.txt"
"""Lines `/a/airfield 0`, beside Places' lists of labels."""

LINE_FORMAT = "a line is LABEL or FILE LABEL, also with commas or tabs"

LARGEST_NUMBER = 10**9
"""A number with more digits than this is refused as a label."""


class LabelList(NamedTuple):
    """The content of a list of labels."""

    files: list[str] | None
    """The file that each line names; None if the list names none."""
    labels: list[int]
    """Positions in the list of classes, counted from 0."""
    description: str
    """How the labels were read, such as `labels are counted from 1`."""
    lines: list[int]
    """The line number of each label, counted from 1."""


class Entry(NamedTuple):
    """A label as it appears in the list."""

    line: int
    file: str | None
    label: str


def read_labels(path: Path, classes: Sequence[str]) -> LabelList:
    """Read a list of labels with lines `LABEL` or `FILE LABEL`; a label is a class or a number.

    Args:
        path: the list: text, CSV or TSV, with or without a header; see `label_columns`.
        classes: names in the order of the outputs.

    Raises:
        UsageError: the list cannot be read, names an unknown class, or has numbers that do not fit
            the classes.
    """
    positions = {normal_form(name): index for index, name in enumerate(classes)}
    lines = read_lines(path)
    if path.name == KAGGLE:
        table = [_kaggle_line(number, text) for number, text in lines[1:]]
    else:
        table = split_columns(lines, positions)
    if not table:
        raise UsageError(f"{path} holds no labels", hint=LINE_FORMAT)
    entries, columns = _entries(path, table, positions)
    entries = _with_names(path, entries, positions)
    files = [entry.file for entry in entries if entry.file is not None]
    unknown = [entry for entry in entries if entry.label not in positions]
    if not unknown:
        is_ilsvrc = path.name in (KAGGLE, GROUND_TRUTH)
        description = "by class name" if is_ilsvrc else "labels are names of classes"
        labels = [positions[entry.label] for entry in entries]
    else:
        _check_numbers(path, entries, positions)
        numbers = [int(entry.label) for entry in entries]
        labels, description = _count_from_zero(path, numbers, len(classes))
    return LabelList(
        files or None, labels, description + columns, [entry.line for entry in entries]
    )


def _kaggle_line(number: int, text: str) -> Line:
    """File and class of the first object in `FILE,WNID and four numbers for each object`."""
    return Line(number, text.replace(",", " ").split()[:2])


def _entries(
    path: Path, table: Sequence[Line], classes: Mapping[str, int]
) -> tuple[list[Entry], str]:
    """The label and file of each line, and which columns were read.

    Raises:
        UsageError: a line has too few columns, or the columns are ambiguous.
    """
    widths = {len(line.cells) for line in table}
    if widths == {1}:
        return [Entry(line.number, None, line.cells[0]) for line in table], ""
    for line in table:
        if len(line.cells) < 2:
            raise UsageError(
                f"{path}, line {line.number}: {line.cells[0][:80]!r} is one word, but other lines "
                "name a file and its label",
                hint=LINE_FORMAT,
            )
    columns = list(zip(*(line.cells[: min(widths)] for line in table), strict=True))
    file, label = _choose_columns(path, table[0].number, columns, classes)
    entries = [Entry(line.number, line.cells[file], line.cells[label]) for line in table]
    if len(columns) == 2 and (file, label) == (0, 1):
        return entries, ""
    return entries, f" (files from column {file + 1}, labels from column {label + 1})"


def _choose_columns(
    path: Path, first_line: int, columns: Sequence[Sequence[str]], classes: Mapping[str, int]
) -> tuple[int, int]:
    """The columns of the files and of the labels, counted from 0.

    Args:
        path: of the list.
        first_line: the line number of the columns' first row.
        columns: the list's columns.
        classes: the names of classes.
    """
    numbers = range(len(columns))
    named = [n for n in numbers if all(cell in classes for cell in columns[n])]
    images = [n for n in numbers if all(is_image_name(cell) for cell in columns[n])]
    if len(columns) == 2 and not named and not images:
        return 0, 1
    file = next((n for n in images if n not in named[:1]), 0)
    if named:
        return (file if file != named[0] else 1), named[0]
    counts = [n for n in numbers if n != file and all(map(is_number, columns[n]))]
    others = [n for n in numbers if n != file]
    if len(others) > 1 and len(counts) != 1:
        raise UsageError(
            f"{path} has {len(columns)} columns, and it is not clear which holds the labels: "
            f"line {first_line:,} reads {', '.join(column[0] for column in columns)[:200]}",
            hint="keep only the columns FILE and LABEL",
        )
    return file, (counts or others)[0]


def _with_names(path: Path, entries: list[Entry], classes: Mapping[str, int]) -> list[Entry]:
    """Replace the entries' numbers by names, if another file says what they mean.

    Raises:
        UsageError: a list of ILSVRC-2012 names a class that the training set lacks.
    """
    if path.name == GROUND_TRUTH:
        names = _wnids_of_devkit(path)
    elif path.name == PLACES and path.with_name(PLACES_CATEGORIES).is_file():
        names = _places_names(path.with_name(PLACES_CATEGORIES), classes)
    else:
        names = {}
    entries = [entry._replace(label=names.get(entry.label, entry.label)) for entry in entries]
    unknown = sorted({entry.label for entry in entries} - set(classes))
    if unknown and (path.name in (KAGGLE, GROUND_TRUTH) or names):
        line = next(entry.line for entry in entries if entry.label == unknown[0])
        raise UsageError(
            f"{path}, line {line} holds {unknown[0][:80]}, which is not a class of the training "
            "set",
            hint="evaluate on data with the classes of the net",
        )
    return entries


def _places_names(categories: Path, classes: Mapping[str, int]) -> dict[str, str]:
    """The classes that Places' numbers mean, if the classes have Places' names; else {}."""
    pairs = [text.rpartition(" ") for _, text in read_lines(categories)]
    names = {number: name.strip().removeprefix("/") for name, _, number in pairs}
    return names if set(classes) <= set(names.values()) else {}


def _wnids_of_devkit(ground_truth: Path) -> dict[str, str]:
    """The classes that the devkit's numbers mean: ILSVRC ID to WNID.

    Raises:
        UsageError: meta.mat is missing or damaged.
    """
    meta = ground_truth.with_name("meta.mat")
    if not meta.exists():
        raise UsageError(
            f"{ground_truth} holds ILSVRC IDs, and only the devkit's meta.mat says which classes "
            "they are",
            hint="put meta.mat, which comes in ILSVRC2012_devkit_t12/data, beside it",
        )
    try:
        rows = MatFile(meta).structs("synsets")
        return {row["ILSVRC2012_ID"]: row["WNID"] for row in rows}
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(
            f"{meta} is not the devkit's, or is damaged", hint="unpack ILSVRC2012_devkit_t12 again"
        ) from error


def _check_numbers(path: Path, entries: Sequence[Entry], classes: Mapping[str, int]) -> None:
    """Raise UsageError for a label that is neither a number nor a class, or if both kinds occur."""
    names = [entry for entry in entries if not is_number(entry.label)]
    for entry in entries:
        label = entry.label
        is_strange_name = not is_number(label) and label not in classes
        is_strange_number = is_number(label) and len(label) > len(str(LARGEST_NUMBER))
        if is_strange_name or is_strange_number:
            raise UsageError(
                f"{path}, line {entry.line}: {label[:80]!r} is neither a class nor a number",
                hint=did_you_mean(label[:80], classes) or LINE_FORMAT,
            )
    if names:
        number = min(entry.label for entry in entries if is_number(entry.label))
        raise UsageError(
            f"{path} has names of classes ({names[0].label}) as well as numbers ({number})",
            hint="use one or the other throughout",
        )


def _count_from_zero(path: Path, numbers: list[int], classes: int) -> tuple[list[int], str]:
    """Labels counted from 0, whether the list counts from 0 or from 1.

    Args:
        path: name of the list in error messages.
        numbers: the labels as they appear in the list.
        classes: number of classes.

    Returns:
        The labels, and a description of how the list counts.
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
