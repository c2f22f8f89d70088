import numpy as np
import pytest

from alexcli.analysis import curves
from alexcli.errors import UsageError
from alexcli.records.analysis import LinesPanel
from alexcli.records.history import RunHistory
from alexcli.schema import AnalyzeSpec


def _history(seed: int, activation: str, errors: list[float]) -> RunHistory:
    rows = [
        {"split": "val", "epoch": epoch, "step": 10 * epoch, "time": epoch / 2, "top1_err": error}
        for epoch, error in enumerate(errors, start=1)
    ]
    settings = {"seed": seed, "model.activation": activation, "runs": str(seed)}
    return RunHistory("run", settings, rows)


@pytest.fixture
def histories() -> list[RunHistory]:
    return [
        _history(0, "relu", [0.5, 0.3, 0.2]),
        _history(1, "relu", [0.7, 0.1, 0.2]),
        _history(0, "tanh", [0.9, 0.8, 0.7, 0.3, 0.1]),
        _history(0, "elu", [0.9, 0.8]),
    ]


def test_seeds_make_a_band_and_crossings_a_ratio(histories: list[RunHistory]) -> None:
    analysis = curves.run(AnalyzeSpec(threshold=0.25), histories)
    (table,) = analysis.tables
    assert table.fractions == ("last error", "spread", "lowest")
    relu, tanh, elu = table.records()
    assert relu["runs"] == "activation=relu"
    assert relu["n"] == 2
    assert relu["last error"] == pytest.approx(0.2)
    assert relu["epochs to 25%"] == pytest.approx((2.5 + 1.75) / 2)
    assert relu["ratio"] == 1
    assert tanh["epochs to 25%"] == pytest.approx(4.25)
    assert tanh["ratio"] == pytest.approx(4.25 / 2.125)
    assert (elu["epochs to 25%"], elu["ratio"], elu["reached by"]) == (None, None, "0 of 1")
    (panel,) = analysis.panels
    assert isinstance(panel, LinesPanel)
    assert panel.level is not None
    low = panel.lines["activation=relu"].low
    assert np.asarray(low).tolist() == [0.5, 0.1, 0.2]


def test_nothing_is_said_of_a_threshold_that_nobody_asked_for(histories: list[RunHistory]) -> None:
    analysis = curves.run(AnalyzeSpec(), histories)
    (panel,) = analysis.panels
    assert isinstance(panel, LinesPanel)
    assert panel.level is None
    assert analysis.tables[0].columns == ["runs", "n", "last error", "spread", "lowest"]


def test_labels_name_groups_where_they_differ(histories: list[RunHistory]) -> None:
    other = RunHistory("other", histories[0].settings, histories[0].rows)
    (panel,) = curves.run(AnalyzeSpec(), [histories[0], other]).panels
    assert isinstance(panel, LinesPanel)
    assert list(panel.lines) == ["run", "other"]


def test_only_the_passes_that_every_seed_has_are_drawn() -> None:
    histories = [_history(0, "relu", [0.5, 0.3]), _history(1, "relu", [0.5, 0.3, 0.2])]
    (panel,) = curves.run(AnalyzeSpec(), histories).panels
    assert isinstance(panel, LinesPanel)
    assert len(panel.lines["run"].x) == 2


def test_a_seed_that_goes_on_crosses_where_it_does() -> None:
    """Runs with `trainer.stop_at_train_error` end at different epochs."""
    histories = [_history(0, "relu", [0.5, 0.3]), _history(1, "relu", [0.5, 0.4, 0.2])]
    row = curves.run(AnalyzeSpec(threshold=0.3), histories).tables[0].records()[0]
    assert row["reached by"] == "2 of 2"
    assert row["epochs to 30%"] == pytest.approx((2 + 2.5) / 2)
    assert row["lowest"] == pytest.approx(0.2)


def test_a_split_that_was_not_measured_is_refused(histories: list[RunHistory]) -> None:
    with pytest.raises(UsageError, match="no lines of split train_eval"):
        curves.run(AnalyzeSpec(split="train_eval"), histories)


def test_a_word_that_is_not_allowed_is_answered_with_those_that_are(
    histories: list[RunHistory],
) -> None:
    with pytest.raises(UsageError, match="against=week is not one of epoch, step, time"):
        curves.run(AnalyzeSpec(against="week"), histories)


@pytest.mark.parametrize(
    ("threshold", "position"), [(0.9, 1.0), (0.8, 1.0), (0.5, 2.5), (0.2, 4.0), (0.1, None)]
)
def test_a_crossing_is_interpolated_between_two_passes(
    threshold: float, position: float | None
) -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0])
    y = np.array([0.8, 0.6, 0.4, 0.2])
    assert curves.crossing(x, y, threshold) == pytest.approx(position)
