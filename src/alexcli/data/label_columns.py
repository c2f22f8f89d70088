"""Splitting a list of labels into columns, whatever program wrote it.

Columns are separated by tabs, commas, semicolons or spaces; names may contain spaces, and may be
quoted if the list has commas. A header, a byte-order mark and any line endings are accepted.
"""

import csv
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from alexcli.data.decode import SUFFIXES
from alexcli.data.file_names import normal_form
from alexcli.errors import UsageError

BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}

DELIMITERS = ("\t", ",", ";")

HEADER_WORDS = frozenset(
    (
        *("id", "index", "idx", "no", "file", "files", "filename", "path", "image", "images"),
        *("imageid", "img", "name", "label", "labels", "class", "classes", "category", "target"),
        *("classname", "classid", "prediction", "string", "wnid", "synset", "breed", "species"),
    )
)
"""Words in the names of columns."""


@dataclass(frozen=True)
class Line:
    """A line that is not empty."""

    number: int
    """Number of the line, from 1."""
    cells: list[str]


def read_lines(path: Path) -> list[tuple[int, str]]:
    """The non-empty lines of a list with their numbers, in Unicode's NFC form.

    Raises:
        UsageError: the list cannot be read, or is not UTF-8 or UTF-16.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"the list of labels {path} cannot be read: {error.strerror}", hint="check the path"
        ) from None
    encodings = [name for mark, name in BYTE_ORDER_MARKS.items() if content.startswith(mark)]
    encoding = encodings[0] if encodings else "utf-8"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"the list of labels {path} cannot be read: line {number} is not {encoding}",
            hint="save it as UTF-8",
        ) from None
    lines = re.split(r"\r\n|\r|\n", normal_form(text))
    return [(number, line.strip(" ")) for number, line in enumerate(lines, 1) if line.strip()]


def is_number(text: str) -> bool:
    """Whether a label is a whole number."""
    return text.removeprefix("-").isdecimal()


def is_image_name(text: str) -> bool:
    """Whether a cell ends with the extension of an image."""
    return Path(text).suffix.lower() in SUFFIXES


def split_columns(lines: Sequence[tuple[int, str]], classes: Collection[str]) -> list[Line]:
    """Split lines into cells, leaving out a header.

    Args:
        lines: from `read_lines`.
        classes: names of classes, which may contain a separator of columns.
    """
    texts = [text for _, text in lines]
    if all(text in classes for text in texts):
        return [Line(number, [text]) for number, text in lines]
    for delimiter in DELIMITERS:
        if all(delimiter in text for text in texts):
            rows = csv.reader(texts, delimiter=delimiter, skipinitialspace=True)
            cells = [[cell.strip() for cell in row] for row in rows]
            if len(cells) == len(lines):  # no quoted line breaks
                table = [Line(line[0], row) for line, row in zip(lines, cells, strict=True)]
                return table[1:] if _is_header(table[0].cells, classes) else table
    return [Line(number, _split_at_spaces(text, classes)) for number, text in lines]


def _is_header(cells: Sequence[str], classes: Collection[str]) -> bool:
    """Whether the cells of the first line are names of columns."""
    words_by_cell = [re.findall(r"[A-Z]?[a-z]+|[A-Z]+", cell) for cell in cells]
    return (
        not any(cell in classes or is_image_name(cell) for cell in cells)
        and any(words_by_cell)
        and all(
            word.lower() in HEADER_WORDS or cell == ""
            for cell, cell_words in zip(cells, words_by_cell, strict=True)
            for word in cell_words
        )
    )


def _split_at_spaces(text: str, classes: Collection[str]) -> list[str]:
    """Split a line into a file and its label, or return the label alone; both may contain spaces.

    The label is the longest class name at the end of the line, preferably one after the name of an
    image.
    """
    places = [match.span() for match in re.finditer(r"\s+", text)]
    pairs = [(text[:start], text[end:]) for start, end in places]
    with_class = [pair for pair in pairs if pair[1] in classes]
    after_image = [pair for pair in with_class if is_image_name(pair[0])]
    for pair in (*after_image[:1], *with_class[:1]):
        return list(pair)
    images = [pair for pair in pairs if is_image_name(pair[0])]
    if images:  # the rest is not a class; the message should quote all of it
        return list(images[0])
    return list(pairs[-1]) if pairs else [text]
