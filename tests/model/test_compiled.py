"""Whether the compiled loops can be used, and where their code is kept."""

import os
import sys
from pathlib import Path

import pytest
import torch

from alexcli.model import compiled


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what was loaded, also after the test."""
    monkeypatch.setattr(compiled, "unavailable_reason", compiled.unavailable_reason.__wrapped__)


def test_the_loops_are_available_here() -> None:
    assert compiled.available()
    assert compiled.describe() == "compiled"
    assert compiled.fits(torch.zeros(1, 16, 2, 2))


def test_without_numba_nothing_is_compiled_and_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "alexcli.model.loops.norm", None)
    assert not compiled.available()
    assert compiled.describe().startswith("not compiled (")
    assert "loops.norm" in compiled.describe()
    assert not compiled.fits(torch.zeros(1, 16, 2, 2))


def test_narrow_maps_and_other_devices_are_left_to_torch() -> None:
    assert not compiled.fits(torch.zeros(1, 15, 2, 2))
    assert not compiled.fits(torch.zeros(1, 16, 2, 2, device="meta"))


def test_compiled_code_is_kept_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALEXCLI_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    assert compiled.available()
    assert os.environ["NUMBA_CACHE_DIR"] == str(
        tmp_path / "cache" / "numba" / compiled.sources_digest()
    )


def test_without_a_cache_the_code_serves_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ALEXCLI_CACHE", str(tmp_path / "file"))
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    assert compiled.available()
    assert "alexcli-numba-" in os.environ["NUMBA_CACHE_DIR"]


def test_a_user_is_told_of_the_first_compilation_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert "once" in str(compiled.first_use())
    (tmp_path / "norm.nbi").touch()
    assert compiled.first_use() is None
    monkeypatch.setattr(compiled, "unavailable_reason", lambda: "no numba")
    assert compiled.first_use() is None
