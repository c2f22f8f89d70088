"""Reading untrusted yaml."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from alexcli.files import read_limited
from alexcli.json_text import LARGEST

# libyaml reads ten times as fast; a few platforms have PyYAML without it.
PlainLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MOST_BYTES = 1_000_000
"""Size of the largest file that is read; configurations have a few thousand bytes."""
MOST_VALUES = 100_000
"""Values of the largest document; each alias counts as what it stands for."""
MOST_LEVELS = 50
"""Largest depth of nested lists and mappings; configurations have six levels."""
LONGEST_NUMBER = 100
"""Characters; the time to read a number grows with the square of its length."""


UNFIT = (ValueError, OverflowError, KeyError, IndexError, AttributeError, TypeError)
"""What PyYAML raises for the 99th of a month, `!!bool x`, `!!int ""` and `!!timestamp x`."""


class RefusedYamlError(ValueError):
    """A text that is not yaml, or exceeds the limits.

    Args:
        line: counted from 1; None if it is about the whole text.
        reason: what is wrong.
    """

    def __init__(self, line: int | None, reason: str) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.line = line
        self.reason = reason


class _Loader(PlainLoader):  # type: ignore[misc]
    """PyYAML's safe loader, with limits on numbers."""


def _construct_int(loader: Any, node: yaml.ScalarNode) -> int:
    _check_length(node)
    number: int = loader.construct_yaml_int(node)
    if abs(number) > LARGEST:
        raise RefusedYamlError(node.start_mark.line + 1, f"the number {node.value} is too large")
    return number


def _construct_float(loader: Any, node: yaml.ScalarNode) -> float:
    _check_length(node)
    number: float = loader.construct_yaml_float(node)
    return number


def _check_length(node: yaml.ScalarNode) -> None:
    if len(node.value) > LONGEST_NUMBER:
        shown = f"{node.value[:30]}..."
        raise RefusedYamlError(node.start_mark.line + 1, f"the number {shown} is too long")


_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _construct_float)


def read_yaml_file(path: Path) -> Any:
    """The plain data of a yaml file; nothing in it is executed.

    Raises:
        OSError: it cannot be read.
        ValueError: as `read_yaml`, or it is too long or not text.
    """
    return read_yaml(read_limited(path, MOST_BYTES).decode("utf-8"))


def read_yaml(text: str) -> Any:
    """The plain data of a yaml document; nothing in it is executed.

    Raises:
        RefusedYamlError: the text is not yaml; its aliases stand for too many values or refer to
            themselves; it is nested too deep; a number is too large.
    """
    try:
        _check_size(text)
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise RefusedYamlError(mark.line + 1 if mark else None, str(reason)) from error
    except RefusedYamlError:
        raise
    except UNFIT as error:
        raise RefusedYamlError(None, f"a value does not fit its tag: {error}") from error


@dataclass
class _Part:
    """A list or mapping, or the target of an anchor."""

    anchor: str | None = None
    values: int = 1
    levels: int = 0

    def add(self, part: "_Part", line: int) -> None:
        """Count the values of a part within it, with aliases expanded."""
        self.values += part.values
        self.levels = max(self.levels, part.levels + 1)
        if self.values > MOST_VALUES:
            raise RefusedYamlError(line, f"more than {MOST_VALUES:,} values, aliases written out")
        if self.levels > MOST_LEVELS:
            raise RefusedYamlError(line, f"it is nested more than {MOST_LEVELS} levels deep")


def _check_size(text: str) -> None:
    """Raise RefusedYamlError if a document would become too large in memory."""
    named: dict[str, _Part] = {}
    open_parts = [_Part()]
    for event in yaml.parse(text, PlainLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.CollectionStartEvent):
            open_parts.append(_Part(event.anchor))
            if len(open_parts) > MOST_LEVELS:
                raise RefusedYamlError(line, f"it is nested more than {MOST_LEVELS} levels deep")
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            part = open_parts.pop()
        elif isinstance(event, yaml.ScalarEvent):
            part = _Part(event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in named:
                raise RefusedYamlError(line, f"*{event.anchor} stands for nothing, or for itself")
            part = replace(named[event.anchor], anchor=None)
        else:
            continue
        open_parts[-1].add(part, line)
        if part.anchor:
            named[part.anchor] = part
