"""Drawing the same two quantities in many small panels."""

from typing import Any

from matplotlib.figure import Figure

from alexcli.records.analysis import Line, MultiplesPanel
from alexcli.render.multiples import ACROSS, draw_multiples, multiples_height


def _panel(count: int, **options: Any) -> MultiplesPanel:
    line = Line([1, 2], [0.25, 0.5], low=[0.0, 0.25], high=[0.5, 0.75])
    lines = {f"layer {number}": [line] for number in range(count)}
    return MultiplesPanel(lines, "epochs", "dead", "by layer", **options)


def _drawn(panel: MultiplesPanel) -> list[Any]:
    """The axes of the small panels."""
    figure = Figure(layout="constrained")
    draw_multiples(panel, figure.subplots())
    figure.canvas.draw()
    return [axis for part in figure.subfigs for axis in part.axes]


def test_every_line_has_a_small_panel_and_empty_places_are_blank() -> None:
    axes = _drawn(_panel(ACROSS + 1))
    shown = [axis for axis in axes if axis.axison]
    assert [axis.get_title() for axis in shown] == [f"layer {n}" for n in range(ACROSS + 1)]
    assert len(axes) == 2 * ACROSS
    assert all(len(axis.collections) == 1 for axis in shown)  # the band
    assert multiples_height(_panel(ACROSS + 1)) > multiples_height(_panel(ACROSS))


def test_axes_in_percent_are_alike_and_begin_at_zero() -> None:
    line = Line([1, 2], [0.02, 0.07])
    axes = _drawn(MultiplesPanel({"a": [line], "b": [line]}, "x", "y", "", y_unit="percent"))
    assert {axis.get_ylim() for axis in axes} == {(0, 1.05 * 0.07)}
    labels = [label.get_text() for label in axes[0].get_yticklabels()]
    places = [f"{100 * place:g}%" for place in axes[0].get_yticks()]
    assert [label.replace(".0%", "%") for label in labels] == places
