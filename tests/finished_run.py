"""A finished small run, trained once and copied for each test that asks for it."""

import shutil
from pathlib import Path

import pytest

from alexcli.reporter import NullReporter
from alexcli.run.directory import RunDirectory
from alexcli.run.train import train
from tests.conftest import small


@pytest.fixture(scope="session")
def finished_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of runs with one finished run of the quick start, which no test may change."""
    runs = tmp_path_factory.mktemp("finished") / "runs"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ALEXCLI_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        train(small(f"runs={runs}"), NullReporter())
    return runs


@pytest.fixture
def run(finished_runs: Path) -> RunDirectory:
    """The finished run, as runs/quickstart/s0-* of the working folder."""
    shutil.copytree(finished_runs, "runs")
    (path,) = Path("runs/quickstart").glob("s0-*")
    return RunDirectory(path)
