"""Dead units and weights after each epoch of a training."""

from alexcli.analysis.unit_history import MOST_LAYERS, over_training
from alexcli.records.analysis import MultiplesPanel
from alexcli.records.training import UnitsRow

QUANTILES = [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]


def _row(epoch: int, **dead: float) -> UnitsRow:
    return UnitsRow(3 * epoch, epoch, 100, dead, dict.fromkeys([*dead, "fc8"], QUANTILES))


def test_first_last_and_most_dead_units_of_each_layer_are_named() -> None:
    table, panels = over_training([_row(1, conv1=0.25), _row(2, conv1=0.5), _row(3, conv1=0.0)])
    assert table.records() == [
        {"layer": "conv1", "first": 0.25, "last": 0.0, "most": 0.5, "epoch": 2}
    ]
    assert "100 validation images" in (table.note or "")
    dead, weights = panels
    assert isinstance(dead, MultiplesPanel)
    assert isinstance(weights, MultiplesPanel)
    assert list(dead.lines["conv1"][0].y) == [0.25, 0.5, 0.0]
    assert list(weights.lines) == ["conv1", "fc8"]
    assert [(line.low[0], line.high[0]) for line in weights.lines["fc8"]] == [  # type: ignore[index]
        (-3.0, 3.0),
        (-2.0, 2.0),
        (-1.0, 1.0),
    ]


def test_a_net_without_rectifiers_has_weights_alone() -> None:
    table, panels = over_training([_row(1)])
    assert table.records() == []
    assert len(panels) == 1


def test_of_many_layers_some_are_drawn_from_the_first_to_the_last() -> None:
    layers = {f"conv{number}": 0.0 for number in range(100)}
    _, (dead, _) = over_training([_row(1, **layers)])
    assert isinstance(dead, MultiplesPanel)
    names = list(dead.lines)
    assert len(names) == MOST_LAYERS
    assert (names[0], names[-1]) == ("conv0", "conv99")
