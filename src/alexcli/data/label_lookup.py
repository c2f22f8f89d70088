"""Matching the lines of a list of labels to files, by as much of the path as the list has."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from alexcli.data.file_names import normal_form
from alexcli.data.label_columns import is_image_name
from alexcli.data.labels import LabelList
from alexcli.errors import UsageError

Parts = tuple[str, ...]
"""The names in a path, the file's first, without its extension."""


class LabelLookup:
    """The labels of files.

    A line matches a file if the file's path ends with the line, or the line ends with the file's
    known name: lists hold file names, paths below a data folder, or paths on another machine. The
    extension only decides between lines that are otherwise equal.

    Args:
        path: name of the list in messages.
        listed: its content, with files.

    Raises:
        UsageError: two lines give one file different labels.
    """

    def __init__(self, path: Path, listed: LabelList) -> None:
        assert listed.files is not None
        self.path = path
        self._by_name: dict[str, list[tuple[Parts, str, int, int]]] = defaultdict(list)
        seen: dict[tuple[Parts, str], tuple[int, int]] = {}
        for file, label, line in zip(listed.files, listed.labels, listed.lines, strict=True):
            parts, ending = _parts(file)
            earlier_label, earlier_line = seen.setdefault((parts, ending), (label, line))
            if earlier_label != label:
                raise UsageError(
                    f"{path}, lines {earlier_line} and {line} give {file[:200]} different labels",
                    hint="keep one of them",
                )
            if earlier_line == line and parts:
                self._by_name[parts[0]].append((parts, ending, label, line))

    def labels_of(self, files: Sequence[Path], names: Sequence[str]) -> list[int | None]:
        """The label of each file; None if no line matches it.

        A file whose name is unique among the files and in the list is matched even if the folders
        differ.

        Args:
            files: their paths.
            names: the known name of each: its path as typed, or below a data folder.

        Raises:
            UsageError: lines with different labels match a file equally well.
        """
        known_parts = [_parts(name) for name in names]
        counts = Counter(parts[:1] for parts, _ in known_parts)
        return [
            self._label_of(file, parts, ending, is_unique=counts[parts[:1]] == 1)
            for file, (parts, ending) in zip(files, known_parts, strict=True)
        ]

    def _label_of(self, file: Path, known: Parts, ending: str, *, is_unique: bool) -> int | None:
        """The label of a file with these parts and this extension."""
        full, _ = _parts(file.absolute().as_posix())
        best: dict[tuple[int, bool], list[tuple[int, int]]] = defaultdict(list)
        candidates = self._by_name.get(known[0] if known else "", [])
        is_only_one = is_unique and len({parts for parts, *_ in candidates}) == 1
        for parts, listed_ending, label, line in candidates:
            is_same_path = full[: len(parts)] == parts or parts[: len(known)] == known
            if is_same_path or is_only_one:
                likeness = (_common(parts, full), listed_ending == ending)
                best[likeness].append((label, line))
        if not best:
            return None
        closest = best[max(best)]
        if len({label for label, _ in closest}) > 1:
            lines = " and ".join(str(line) for _, line in closest[:2])
            raise UsageError(
                f"{self.path}: lines {lines} may both mean {file}, and their labels differ",
                hint="write the path of each file in the list, such as FOLDER/FILE",
            )
        return closest[0][0]


def _parts(path: str) -> tuple[Parts, str]:
    """The names in a path, the file's first, and its extension if it is that of an image."""
    pure = PurePosixPath(normal_form(path.replace("\\", "/")))
    names = [name for name in pure.parts if name not in (".", "/")]
    if not names:
        return (), ""
    ending = pure.suffix if is_image_name(names[-1]) else ""
    names[-1] = names[-1].removesuffix(ending) if ending else names[-1]
    return tuple(reversed(names)), ending.lower()


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """The number of names that two paths share at their ends."""
    count = 0
    for name, other_name in zip(one, other, strict=False):
        if name != other_name:
            break
        count += 1
    return count
