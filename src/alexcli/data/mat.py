"""Reading structs from untrusted MATLAB files; scipy's reader can crash on damaged ones.

The format is level 5 of MATLAB's description of MAT-files: elements, each with a type and a number
of bytes, some of which contain other elements.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from alexcli.files import read_limited

MOST_BYTES = 32 << 20
"""Size limit of a file and of its decompressed content; the devkit's meta.mat has less than a
hundredth of it.
"""
HEADER_BYTES = 128
TAG_BYTES = 8

COMPRESSED_TYPE = 15
MATRIX_TYPE = 14
NUMBER_FORMATS = {1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "f", 9: "d", 12: "q", 13: "Q"}
"""Types of numbers, and their formats in `struct`."""
CHARACTER_TYPES = (1, 2, 4)
"""Types of numbers that may stand for characters."""
UNICODE_TYPES = {16: "utf-8", 17: "utf-16", 18: "utf-32"}

STRUCT_CLASS = 2
CHAR_CLASS = 4

ByteOrder = Literal["little", "big"]


class Element(NamedTuple):
    """A part of a file."""

    type: int
    """Type of the content."""
    content: bytes


class MatFile:
    """The variables of a MATLAB file.

    Args:
        path: the file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not such a file, is too long or is damaged.
    """

    def __init__(self, path: Path) -> None:
        content = read_limited(path, MOST_BYTES)
        marks: dict[bytes, ByteOrder] = {b"IM": "little", b"MI": "big"}
        mark = content[HEADER_BYTES - 2 : HEADER_BYTES]
        if mark not in marks:
            raise ValueError("it is not a MATLAB file of level 5")
        self._order = marks[mark]
        self._content = content[HEADER_BYTES:]
        self._left_to_decompress = MOST_BYTES

    def structs(self, variable: str) -> list[dict[str, str]]:
        """The rows of a struct array: the fields that hold a string or one number, as strings.

        Args:
            variable: the name of the array.

        Raises:
            ValueError: there is none, or the file is damaged.
        """
        for element in self._elements(self._content):
            parts = self._matrix(self._decompressed(element))
            if len(parts) >= 5 and parts[2].content == variable.encode():
                return self._rows(parts)
        raise ValueError(f"there is no variable {variable}")

    def _elements(self, content: bytes) -> Iterator[Element]:
        """Yield the elements of the content in order."""
        start = 0
        while start < len(content):
            first = self._integer(content, start)
            if first >> 16:  # a small element: up to four bytes follow in place of the length
                kind, size, begin = first & 0xFFFF, first >> 16, start + 4
                start += TAG_BYTES
            else:
                kind, size, begin = first, self._integer(content, start + 4), start + TAG_BYTES
                padding = 0 if kind == COMPRESSED_TYPE else -size % 8
                start = begin + size + padding
            if begin + size > len(content):
                raise ValueError("it is truncated")
            yield Element(kind, content[begin : begin + size])

    def _decompressed(self, element: Element) -> Element:
        """The decompressed element, or the element itself if it is not compressed."""
        if element.type != COMPRESSED_TYPE:
            return element
        reader = zlib.decompressobj()
        try:
            content = reader.decompress(element.content, self._left_to_decompress)
        except zlib.error as error:
            raise ValueError(str(error)) from error
        self._left_to_decompress -= len(content)
        if self._left_to_decompress <= 0:
            raise ValueError(f"more than {MOST_BYTES:,} bytes are compressed in it")
        return next(self._elements(content), element)

    def _matrix(self, element: Element) -> list[Element]:
        """The parts of a variable (flags, sizes, name and content); [] for anything else."""
        return list(self._elements(element.content)) if element.type == MATRIX_TYPE else []

    def _rows(self, parts: list[Element]) -> list[dict[str, str]]:
        flags, sizes, _, length, names, *cells = parts
        if self._class(flags) != STRUCT_CLASS:
            raise ValueError("it holds no struct")
        name_length = self._integer(length.content, 0)
        if not name_length:
            raise ValueError("its fields have no names")
        fields = [
            names.content[start : start + name_length].partition(b"\0")[0].decode("latin-1")
            for start in range(0, len(names.content), name_length)
        ]
        count = math.prod(struct.unpack(*self._numbers("i", sizes.content)))
        if not fields or count * len(fields) != len(cells):
            raise ValueError("its rows are not complete")
        texts = [self._text(self._matrix(cell)) for cell in cells]
        starts = range(0, len(texts), len(fields))
        return [
            {
                field: text
                for field, text in zip(fields, texts[start : start + len(fields)], strict=True)
                if text is not None
            }
            for start in starts
        ]

    def _text(self, parts: list[Element]) -> str | None:
        """The content of a cell if it is a string or one number."""
        if len(parts) < 4:
            return None
        flags, content = parts[0], parts[3]
        if self._class(flags) == CHAR_CLASS and content.type in UNICODE_TYPES:
            encoding = UNICODE_TYPES[content.type]
            suffix = "" if encoding == "utf-8" else f"-{self._order[0]}e"
            return content.content.decode(encoding + suffix)
        if content.type not in NUMBER_FORMATS:
            return None
        numbers = struct.unpack(*self._numbers(NUMBER_FORMATS[content.type], content.content))
        if self._class(flags) == CHAR_CLASS and content.type in CHARACTER_TYPES:
            return "".join(chr(number) for number in numbers)
        if len(numbers) != 1:
            return None
        number = numbers[0]
        return str(int(number)) if math.isfinite(number) and number == int(number) else str(number)

    def _class(self, flags: Element) -> int:
        """The class of matrix in these flags."""
        return self._integer(flags.content, 0) & 0xFF

    def _integer(self, content: bytes, start: int) -> int:
        """Four bytes as an unsigned number."""
        if start + 4 > len(content):
            raise ValueError("it is truncated")
        return int.from_bytes(content[start : start + 4], self._order)

    def _numbers(self, code: str, content: bytes) -> tuple[str, bytes]:
        """Arguments for `struct.unpack`, with as many numbers as are complete."""
        size = struct.calcsize(f"={code}")
        count = len(content) // size
        sign = "<" if self._order == "little" else ">"
        return f"{sign}{count}{code}", content[: count * size]
