"""What loggers get of a row."""

from pathlib import Path

from alexcli.lit.loggers.base import metrics_of
from tests.lit.loggers.sessions import row, run_in


def test_metrics_are_every_number_of_a_row_under_its_split() -> None:
    metrics = metrics_of({**row(2), "peak_memory_bytes": 123})
    assert metrics["val/top1_err"] == 0.5
    assert metrics["val/peak_memory_bytes"] == 123
    assert "val/split" not in metrics
    assert "val/top5_err" not in metrics  # it is null


def test_a_run_is_named_after_its_label_and_directory(tmp_path: Path) -> None:
    assert run_in(tmp_path / "label" / "s0-1234", []).name == "label/s0-1234"
