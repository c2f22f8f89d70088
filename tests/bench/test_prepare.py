"""`data prepare` beside decoding alone."""

from pathlib import Path

import pytest

from alexcli.bench import prepare
from alexcli.reporter import NullReporter


def test_preparing_is_measured_with_its_start_and_without(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "IMAGES", 120)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    whole, going, *others, start = prepare.run(photos, 1, NullReporter())
    assert (whole.name, whole.against) == ("data/prepare", "1_cores")
    assert (going.name, going.against) == ("data/prepare/going", "1_cores")
    assert [(result.name, result.against) for result in others] == [
        ("data/prepare", "together"),
        ("data/prepare/going", "together"),
    ]
    assert (start.name, start.unit) == ("data/prepare/start", "s")
    assert whole.value > 0
    assert start.value > 0


def test_going_is_what_is_left_without_the_start() -> None:
    speeds = {"one core": [40.0], "together": [30.0], "whole": [10.0], "start": [2.0]}
    whole, going, *_, start = prepare._results(speeds, 120, 1)
    assert whole.value == 10.0, "120 images in 12 seconds"
    assert going.value == pytest.approx(12.0), "the same in 10 of them"
    assert start.value == 2.0
