"""One file per analysis, each with one public `run`; the file's name is the analysis's name.

The names of `run`'s parameters say what it is handed: `spec` (AnalyzeSpec), `subject` (below),
`start` (see init), `histories` (see curves), `evaluations` (see tables), `check` (see params).
What is said around the numbers is in words.yaml, facts of others in published.yaml.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alexcli.results import Analysis, Panel, Table

if TYPE_CHECKING:  # torch would slow down the analyses that need no net
    from torch import Tensor

    from alexcli.data.pictures import Pictures
    from alexcli.data.transforms import Batch, Preprocess
    from alexcli.model.towers import Towers


@dataclass
class Subject:
    """A trained net, and its data for those who ask."""

    name: str
    """Of its run."""
    net: "Towers"
    """In evaluation mode, on its device."""
    preprocess: "Preprocess"
    """On the same device."""
    names: list[str]
    """Words for people, in the order of the outputs."""
    pictures: "Callable[[], tuple[Tensor, list[str], list[str | None]]]"
    """Those to look at: (N, S, S, 3) uint8 on the net's device, files, labels for people."""
    training: "Callable[[], Pictures]"
    """The training set, which need not fit in memory."""
    stream: "Callable[[Pictures], Iterator[Batch]]"
    """One pass over pictures in order, on the net's device."""


@cache
def read_yaml(name: str) -> Any:
    """A yaml file beside this one: `published` or `words`."""
    import yaml  # here, for the sake of --help

    return yaml.safe_load(Path(__file__).with_name(f"{name}.yaml").read_text(encoding="utf-8"))


def worded(
    name: str,
    rows: Sequence[list[list[Any]]],
    panels: Sequence[Panel] = (),
    *,
    data: Any = None,
    **values: Any,
) -> Analysis:
    """An analysis in the words of words.yaml.

    Args:
        name: of the analysis.
        rows: those of each table that words.yaml lists; a table without rows is left out.
        panels: what is drawn.
        data: see Analysis.
        values: what the words name in braces; `columns`: more of the first table's columns.
    """
    words = read_yaml("words")[name]
    shown: list[Table] = []
    aside: list[Table] = []
    for entry, lines in zip(words["tables"], rows, strict=True):
        title, note = (entry.get(key, "").format(**values) for key in ("title", "note"))
        columns = [column.format(**values) for column in entry["columns"]]
        columns += [] if shown else values.get("columns", [])
        last = lines.pop() if lines and entry.get("total") else None
        if lines or not shown:
            made = aside if entry.get("aside") else shown
            made.append(Table(title, columns, lines, last, note or None))
    caption, title = (words.get(key, "").format(**values) for key in ("caption", "title"))
    return Analysis(title, shown, list(panels), caption, aside, data)
