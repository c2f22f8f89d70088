"""Lightning's loop beside a bare one."""

from pathlib import Path

import pytest

from alexcli.bench import loop
from alexcli.reporter import NullReporter
from tests.conftest import small


def test_both_loops_and_the_memory_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "BATCH", 2)
    monkeypatch.setattr(loop, "STEPS", 2)
    monkeypatch.setattr(loop, "peak_memory_of_child", lambda name, _: {"ours": 2, "port": 3}[name])
    spec = small("data=folder", "data.size=36", "data.workers=0")
    speed, wait, memory = loop.run(spec, 1, NullReporter())
    assert (speed.name, speed.against) == ("step/loop", "bare")
    assert 0 <= wait.value < 1
    assert (memory.name, memory.value, memory.ratio_median) == ("memory/train", 2, 1.5)
    assert not Path("lightning_logs").exists()
