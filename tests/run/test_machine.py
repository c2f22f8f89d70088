"""Memory and cores that this process may use."""

import os
from pathlib import Path

import pytest

from alexcli.run import machine
from alexcli.run.machine import available_bytes, cores, memory_bytes, memory_limit_bytes, processor


@pytest.fixture
def cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of cgroups that holds this process in /a/b."""
    folder = tmp_path / "a/b"
    folder.mkdir(parents=True)
    read_text = Path.read_text
    monkeypatch.setattr(machine, "CGROUPS", tmp_path)

    def read(path: Path, **options: str) -> str:
        return "0::/a/b\n" if str(path) == "/proc/self/cgroup" else read_text(path, **options)

    monkeypatch.setattr(Path, "read_text", read)
    return tmp_path


def test_the_smallest_limit_above_a_process_counts(cgroups: Path) -> None:
    assert memory_limit_bytes() is None
    (cgroups / "a/memory.max").write_text("4096\n")
    (cgroups / "a/b/memory.max").write_text("max\n")
    assert memory_limit_bytes() == 4096
    (cgroups / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert memory_limit_bytes() == 4096, "version 1 says no limit by a large number"


def test_a_share_of_the_processor_limits_the_cores(cgroups: Path) -> None:
    everything = cores()
    assert 1 <= everything <= (os.cpu_count() or 1)
    (cgroups / "a/b/cpu.max").write_text("max 100000\n")
    assert cores() == everything
    (cgroups / "a/cpu.max").write_text("50000 100000\n")
    assert cores() == 0.5
    (cgroups / "a/cpu.max").unlink()
    (cgroups / "a/cpu.cfs_quota_us").write_text("25000")
    (cgroups / "a/cpu.cfs_period_us").write_text("100000")
    assert cores() == 0.25


def test_a_machine_has_a_processor_and_memory() -> None:
    assert processor()
    assert (memory_bytes() or 0) > 1 << 28


def test_what_is_free_counts_within_the_limit_of_the_cgroups(
    cgroups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meminfo = cgroups / "meminfo"
    meminfo.write_text("MemTotal: 9000 kB\nMemAvailable: 300 kB\nSwapFree: 100 kB\nPages: 3\n")
    monkeypatch.setattr(machine, "MEMINFO", meminfo)
    assert available_bytes() == 400 * 1024
    (cgroups / "a/memory.max").write_text("4096\n")
    assert available_bytes() == 4096
    meminfo.unlink()
    (cgroups / "a/memory.max").unlink()
    assert available_bytes() == memory_bytes()
