"""One file per analysis, each with one public `run`; the file's name is the analysis's name.

The names of `run`'s parameters say what it is handed: `spec` (AnalyzeSpec), `subject` (below),
`start` (see init), `histories` (see curves), `evaluations` (see tables), `check` (see params).
What is said around the numbers is in words.yaml, facts of others in published.yaml.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
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

    def features(self, images: "Tensor", layer: str) -> "Tensor":
        """Pictures (N, S, S, 3) as a layer has them, (N, U)."""
        from alexcli.model.towers import activations

        return activations(self.net, self.preprocess.view(images), [layer])[layer].flatten(1)


@cache
def read_yaml(name: str) -> Any:
    """A yaml file beside this one: `published` or `words`."""
    import yaml  # here, for the sake of --help

    return yaml.safe_load(Path(__file__).with_name(f"{name}.yaml").read_text(encoding="utf-8"))


def sheet(pictures: Any, across: int) -> Any:
    """Tiles (R, across, H, W, 3) uint8, white at the end, of (N, H, W, 1 or 3) in [0, 1]."""
    import numpy as np

    empty = ((0, -len(pictures) % across), (0, 0), (0, 0), (0, 0))
    tiles = np.pad(np.round(255 * pictures).astype(np.uint8), empty, constant_values=255)
    return tiles.repeat(3 // tiles.shape[-1], axis=-1).reshape(-1, across, *tiles.shape[1:3], 3)


def worded(
    name: str,
    rows: Sequence[list[list[Any]]],
    known: Mapping[str, Any],
    panels: Sequence[Panel] = (),
    *,
    data: Any = None,
    columns: Sequence[str] = (),
) -> Analysis:
    """An analysis in the words of words.yaml.

    Args:
        name: of the analysis.
        rows: those of each table that words.yaml lists; a table without rows is left out.
        known: what the words name in braces.
        panels: what is drawn.
        data: see Analysis.
        columns: more of the first table's.
    """
    words = read_yaml("words")[name]
    tables: list[Table] = []
    for entry, lines in zip(words["tables"], rows, strict=True):
        title, note = (entry.get(key, "").format(**known) for key in ("title", "note"))
        names = [column.format(**known) for column in entry["columns"]]
        names += [] if tables else columns
        last = lines.pop() if lines and entry.get("total") else None
        if lines or not tables:
            tables.append(Table(title, names, lines, last, note or None, aside="aside" in entry))
    caption, title = (words.get(key, "").format(**known) for key in ("caption", "title"))
    return Analysis(title, tables, list(panels), caption, data)
