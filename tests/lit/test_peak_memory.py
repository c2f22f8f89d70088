"""The most memory that a pass has used."""

import resource
import sys
from types import SimpleNamespace

import pytest
import torch

from alexcli.lit.peak_memory import peak_memory_bytes, reset_peak_memory

CPU = torch.device("cpu")
GPUS = [torch.device("cuda:0"), torch.device("cuda:1")]


def test_on_the_cpu_it_is_the_peak_of_the_process_in_bytes() -> None:
    peak = peak_memory_bytes([CPU])
    assert peak is not None
    assert 50 * 2**20 < peak < 2**40  # torch alone takes more than 50 MiB


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_each_system_counts_in_units_of_its_own(
    monkeypatch: pytest.MonkeyPatch, platform: str, unit: int
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(resource, "getrusage", lambda _: SimpleNamespace(ru_maxrss=5))
    assert peak_memory_bytes([CPU]) == 5 * unit


def test_it_is_none_where_the_system_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)  # importing it fails, as on Windows
    assert peak_memory_bytes([CPU]) is None


def test_on_gpus_it_is_that_of_the_fullest_one_since_the_reset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allocated = {GPUS[0]: 100, GPUS[1]: 300}
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", allocated.__getitem__)
    monkeypatch.setattr(
        torch.cuda, "reset_peak_memory_stats", lambda device: allocated.update({device: 7})
    )
    assert peak_memory_bytes(GPUS) == 300
    reset_peak_memory([CPU, *GPUS])
    assert peak_memory_bytes(GPUS) == 7


def test_a_reset_needs_no_gpu() -> None:
    reset_peak_memory([CPU])
