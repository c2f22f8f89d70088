"""From nothing to the first result."""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from alexcli.bench import first_run
from alexcli.bench.first_run import HELP_CALLS, default_package, pip_install, run
from alexcli.errors import RunFailedError, UsageError
from alexcli.reporter import NullReporter
from tests.bench.notes import NoteList

TRAINING = """
import json, os, pathlib, sys, time
if sys.argv[1:] == ["--help"]:
    sys.exit()
assert sys.argv[1:] == ["train"]
assert not os.listdir(), "the working folder is not empty"
assert not os.path.exists(os.environ["ALEXCLI_CACHE"]), "the cache is not empty"
assert "PYTHONPATH" not in os.environ
run = pathlib.Path("runs/quickstart/s0-0123")
run.mkdir(parents=True)
(run / "environment.json").write_text(json.dumps({"python": "3.12.0"}))
with (run / "metrics.jsonl").open("w") as metrics:
    for split in ("train", "val"):
        print(json.dumps({"split": split, "epoch": 1}), file=metrics, flush=True)
        time.sleep(0.2)
"""
"""A program that trains for an instant, and refuses to where it would not be alone."""


def _installer(program: str) -> Callable[[str, Path, Path], None]:
    """Installs a program in the place of alexcli, and a file of a thousand bytes."""

    def install(package: str, environment: Path, _: Path) -> None:
        assert package == "alexcli==1.0"
        path = environment / "bin" / "alexcli"
        path.parent.mkdir(parents=True)
        path.write_text(f"#!{sys.executable}\n{program}")
        path.chmod(0o755)
        (environment / "library").write_bytes(bytes(1000))

    return install


def test_seconds_to_the_first_result_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    reporter = NoteList()
    measured = run("alexcli==1.0", reporter, install=_installer(TRAINING))
    figures = {result.name: result for result in measured.results}
    assert list(figures) == [
        f"first_run/{name}" for name in ("install", "size", "first_epoch", "train", "total", "help")
    ]
    values = {name.partition("/")[2]: result.value for name, result in figures.items()}
    assert values["size"] > 1000
    assert values["first_epoch"] >= 0.2  # after the training pass
    assert values["train"] >= values["first_epoch"] + 0.1  # the validation row comes 0.2 s earlier
    assert values["total"] == values["install"] + values["train"]
    assert figures["first_run/help"].n == HELP_CALLS
    assert measured.installed == {"python": "3.12.0"}
    assert any(note.startswith("first_run/first_epoch: ") for note in reporter.notes)


def test_a_training_that_fails_shows_what_it_said() -> None:
    program = "print('no room on the disk'); raise SystemExit(3)"
    with pytest.raises(RunFailedError, match="ended with 3\nno room on the disk"):
        run("alexcli==1.0", NullReporter(), install=_installer(program))


def test_a_signal_to_end_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    program = """
import os, signal, time
open(os.environ["TRAINING_PID"], "w").write(str(os.getpid()))
os.kill(os.getppid(), signal.SIGTERM)
time.sleep(60)
"""
    pid_file = tmp_path / "pid"
    monkeypatch.setenv("TRAINING_PID", str(pid_file))
    with pytest.raises(KeyboardInterrupt):
        run("alexcli==1.0", NullReporter(), install=_installer(program))
    assert list(tmp_path.iterdir()) == [pid_file]
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_a_training_without_validation_is_an_error() -> None:
    with pytest.raises(RunFailedError, match="without a validation row"):
        run("alexcli==1.0", NullReporter(), install=_installer("print('nothing to do')"))


def test_a_line_that_is_still_being_written_is_no_row(tmp_path: Path) -> None:
    metrics = tmp_path / "runs" / "quickstart" / "s0-0123" / "metrics.jsonl"
    metrics.parent.mkdir(parents=True)
    metrics.write_text(json.dumps({"split": "train"}) + '\n{"split": "val", "ep')
    assert not first_run._has_validation_row(tmp_path)


def test_pip_installs_into_an_environment_of_its_own(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    missing = tmp_path / "missing.whl"
    with pytest.raises(RunFailedError, match=r"missing\.whl") as failure:
        pip_install(str(missing), environment, tmp_path / "log")
    assert "ended with 1" in failure.value.message
    assert failure.value.hint is not None
    assert (environment / "pyvenv.cfg").is_file()
    assert not (environment / "bin" / "pip").exists()


def test_without_pip_nothing_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_pip = tmp_path / "python"
    no_pip.write_text("#!/bin/sh\nexit 1\n")
    no_pip.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(no_pip))
    monkeypatch.setattr(sys, "_base_executable", str(no_pip))
    with pytest.raises(UsageError, match="cannot run pip") as failure:
        pip_install("alexcli", tmp_path / "environment", tmp_path / "log")
    assert "ensurepip" in (failure.value.hint or "")


def test_the_checkout_is_installed_and_elsewhere_the_published_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert (Path(default_package()) / "pyproject.toml").is_file()
    installed = tmp_path / "lib" / "site-packages" / "alexcli" / "bench" / "first_run.py"
    monkeypatch.setattr(first_run, "__file__", os.fspath(installed))
    assert default_package() == "alexcli"
