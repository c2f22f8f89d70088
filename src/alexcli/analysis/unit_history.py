"""Dead units and weights after each epoch of a training, as the run recorded them."""

from collections.abc import Sequence
from typing import Any

from alexcli.records.analysis import Line, MultiplesPanel, Panel
from alexcli.records.training import QUANTILES, UnitsRow
from alexcli.tables import Table

MOST_LAYERS = 16
"""Most layers that are drawn; of a deeper net, evenly spaced ones."""
MIDDLE = len(QUANTILES) // 2
"""Position of the median."""


def over_training(rows: Sequence[UnitsRow]) -> tuple[Table, list[Panel]]:
    """How the dead units and the weights of each layer changed over training.

    Args:
        rows: one for each epoch, at least one.

    Returns:
        A row for each layer, `{layer, first, last, most, epoch}`: the fraction of channels that are
        dead after the first epoch and after the last, the largest fraction, and the epoch of the
        largest; and two panels.
    """
    epochs = [row.epoch for row in rows]
    last = rows[-1]
    dead = {layer: [row.dead.get(layer, 0.0) for row in rows] for layer in last.dead}
    exact: list[dict[str, Any]] = [
        {
            "layer": layer,
            "first": values[0],
            "last": values[-1],
            "most": max(values),
            "epoch": epochs[values.index(max(values))],
        }
        for layer, values in dead.items()
    ]
    panels: list[Panel] = []
    if dead:
        lines = {layer: [Line(epochs, dead[layer])] for layer in _chosen(list(dead))}
        panels.append(
            MultiplesPanel(
                lines, "epochs", "dead channels", "dead channels by layer", y_unit="percent"
            )
        )
    alike = [row for row in rows if row.weights.keys() == last.weights.keys()]
    panels.append(
        MultiplesPanel(
            {layer: _bands(alike, layer) for layer in _chosen(list(last.weights))},
            "epochs",
            "weight",
            "weights by layer: the median, and the middle 50, 80 and 98% of them",
        )
    )
    return _table(exact, last.images, epochs), panels


def _chosen(layers: Sequence[str]) -> list[str]:
    """The layers to draw: all, or MOST_LAYERS that include the first and the last."""
    if len(layers) <= MOST_LAYERS:
        return list(layers)
    gaps = MOST_LAYERS - 1
    return [layers[number * (len(layers) - 1) // gaps] for number in range(MOST_LAYERS)]


def _bands(rows: Sequence[UnitsRow], layer: str) -> list[Line]:
    """The median of a layer's weights after each epoch, in bands, the widest first."""
    epochs = [row.epoch for row in rows]
    quantiles = [[row.weights[layer][place] for row in rows] for place in range(len(QUANTILES))]
    return [
        Line(epochs, quantiles[MIDDLE], low=quantiles[edge], high=quantiles[-1 - edge])
        for edge in range(MIDDLE)
    ]


def _table(rows: Sequence[dict[str, Any]], images: int, epochs: Sequence[int]) -> Table:
    """The numbers of the first panel."""
    return Table.from_records(
        "dead units over training",
        rows,
        f"channels (fc: units) that are zero for all {images:,} validation images, everywhere: "
        f"first: after epoch {epochs[0]:,}; last: after epoch {epochs[-1]:,}; most: after the "
        "epoch beside it",
        columns=("layer", "first", "last", "most", "epoch"),
        fractions=("first", "last", "most"),
    )
