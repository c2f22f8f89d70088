"""The rows of metrics.jsonl."""

import json
from dataclasses import asdict

from alexcli.records.training import EpochRow

OLD_LINE = (
    '{"step": 3, "epoch": 1, "split": "val", "loss": 2.1, "top1_err": 0.7, "top5_err": null, '
    '"lr": 0.01, "images_per_s": 900.0, "time": 1.5}'
)


def test_a_line_from_before_peak_memory_was_recorded_still_loads() -> None:
    row = EpochRow(**json.loads(OLD_LINE))
    assert row.peak_memory_bytes is None
    assert row.top1_err == 0.7


def test_a_row_is_read_back_as_it_was_written() -> None:
    row = EpochRow(**json.loads(OLD_LINE), peak_memory_bytes=2**40)
    assert EpochRow(**json.loads(json.dumps(asdict(row)))) == row
