"""Checks of an installation and a machine."""

import importlib.metadata
import re
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from alexcli.errors import UsageError
from alexcli.records.check import Check
from alexcli.reporter import NullReporter
from alexcli.run import checks as tested
from alexcli.run.checks import EXTRAS, PACKAGES, run_checks
from tests.source import ROOT


def only(monkeypatch: pytest.MonkeyPatch, name: str) -> list[Check]:
    """The results of one check."""
    monkeypatch.setattr(tested, "CHECKS", {name: tested.CHECKS[name]})
    return run_checks(NullReporter())


def test_the_packages_are_those_that_pyproject_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [
        requirement
        for name, requirements in project["optional-dependencies"].items()
        if name != "dev"
        for requirement in requirements
    ]
    for listed, requirements in ((PACKAGES, project["dependencies"]), (EXTRAS, extras)):
        assert sorted(listed) == sorted(_name(requirement) for requirement in requirements)


def _name(requirement: str) -> str:
    """The package that a requirement names: `numpy` of `numpy>=1.26`."""
    match = re.match(r"[\w.-]+", requirement)
    assert match is not None
    return match[0]


def test_versions_name_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    alexcli, _, packages, extras = only(monkeypatch, "versions")
    assert alexcli.description.startswith(importlib.metadata.version("alexcli"))
    assert f"numpy {importlib.metadata.version('numpy')}" in packages.description
    assert not packages.broken
    assert f"submitit {importlib.metadata.version('submitit')}" in extras.description
    monkeypatch.setattr(tested, "PACKAGES", ("numpy", "no-such-package"))
    packages = only(monkeypatch, "versions")[2]
    assert packages.broken
    assert packages.hint == "pip install no-such-package"


def test_a_machine_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("device", "memory", "cores", "precision"):
        monkeypatch.undo()
        results = only(monkeypatch, name)
        assert results
        assert not any(check.broken for check in results), results


def test_a_limit_of_a_container_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested, "memory_limit_bytes", lambda: 3 << 29)
    (memory,) = only(monkeypatch, "memory")
    assert "1.5 GiB for this container" in memory.description


def test_a_cache_that_cannot_be_written_breaks_everything(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache, here = only(monkeypatch, "folders")
    assert "GiB free" in cache.description
    assert not cache.broken
    assert str(tmp_path) in here.description
    (tmp_path / "file").touch()
    monkeypatch.setenv("ALEXCLI_CACHE", str(tmp_path / "file"))
    (folders,) = only(monkeypatch, "folders")
    assert folders.broken
    assert "ALEXCLI_CACHE" in folders.hint


def test_a_home_folder_is_not_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    assert str(tmp_path.parent) not in only(monkeypatch, "folders")[1].description


def test_training_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested, "TRAINING_SECONDS", 0.05)
    (training,) = only(monkeypatch, "training")
    assert " images/s" in training.description
    assert not training.broken
    assert not Path("runs").exists()
    monkeypatch.setattr("alexcli.run.timing.train_for", lambda *_: (3, 1.0, float("nan")))
    (training,) = only(monkeypatch, "training")
    assert training.broken


def test_without_a_network_the_report_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def hang(*_: object, **__: object) -> None:
        ended.wait(20)
        raise OSError("no network")

    monkeypatch.setattr(tested, "NETWORK_SECONDS", 0.1)
    monkeypatch.setattr(tested.socket, "create_connection", hang)
    began = time.monotonic()
    (network,) = only(monkeypatch, "network")
    assert time.monotonic() - began < 10
    ended.set()
    assert "www.cs.toronto.edu does not answer" in network.description
    assert not network.broken
    assert "data.root=DIR" in network.hint


def test_a_check_that_fails_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> Iterator[Check]:
        raise UsageError("no room", hint="make room")

    def fails() -> Iterator[Check]:
        raise RuntimeError("no driver\nat all")

    def works() -> Iterator[Check]:
        yield Check("c", "fine")

    monkeypatch.setattr(tested, "CHECKS", {"a": refused, "b": fails, "c": works})
    assert run_checks(NullReporter()) == [
        Check("a", "no room", broken=True, hint="make room"),
        Check("b", "RuntimeError: no driver", broken=True),
        Check("c", "fine"),
    ]
