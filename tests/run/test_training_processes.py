"""A process for each training: forked where that is possible, started anew where it is not."""

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from alexcli.reporter import NullReporter
from alexcli.run import training_processes as module
from alexcli.run.training_processes import INTERRUPTED, TrainingProcesses

FORKS = sys.platform == "linux"
PROGRAM = """
import os, sys
import heavy
print("result")
print("message", file=sys.stderr)
if sys.argv[1] == "killed":
    os.kill(os.getpid(), 9)
sys.exit(int(sys.argv[1]))
"""


class Notes(NullReporter):
    """Keeps the notes."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        """Keep a note."""
        self.texts.append(text)


@pytest.fixture
def processes() -> Iterator[TrainingProcesses]:
    """Processes whose imports are the module `heavy`, which counts how often it is imported."""
    Path("heavy.py").write_text("import pathlib\npathlib.Path('imports').open('a').write('x')\n")
    Path("program.py").write_text(PROGRAM)
    with TrainingProcesses(NullReporter(), ["heavy"]) as running:
        yield running


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "program", *words]


def _imports() -> int:
    return len(Path("imports").read_text())


def _end_server(processes: TrainingProcesses) -> None:
    """Kill the process that has made the imports."""
    assert processes._server is not None
    os.kill(processes._server._process.pid, signal.SIGKILL)
    processes._server._process.wait()


@pytest.mark.parametrize("can_fork", [True, False])
def test_a_command_ends_as_it_would_alone(processes: TrainingProcesses, *, can_fork: bool) -> None:
    processes.can_fork = can_fork and FORKS
    for ending, code in (("0", 0), ("3", 3), ("killed", -9), ("0", 0)):
        with Path("log").open("wb") as log:
            assert processes.call(_command(ending), log) == code
        assert Path("log").read_text() == "message\n"
    assert _imports() == (1 if processes.can_fork else 4)


@pytest.mark.skipif(not FORKS, reason="processes are forked on Linux alone")
def test_imports_can_be_made_before_the_first_command(processes: TrainingProcesses) -> None:
    for _ in range(2):
        processes.make_imports()
    assert processes.call(_command("0")) == 0
    assert _imports() == 1


@pytest.mark.parametrize("can_fork", [True, False])
def test_without_a_log_a_command_writes_where_this_process_does(
    processes: TrainingProcesses, capfd: pytest.CaptureFixture[str], *, can_fork: bool
) -> None:
    processes.can_fork = can_fork and FORKS
    assert processes.call(_command("0")) == 0
    assert capfd.readouterr() == ("result\n", "message\n")


def test_a_command_that_is_no_module_is_started_anew(processes: TrainingProcesses) -> None:
    assert processes.call([sys.executable, "-c", "raise SystemExit(4)"]) == 4
    assert processes._server is None


@pytest.mark.skipif(not FORKS, reason="commands are forked on Linux")
def test_after_the_death_of_the_importing_process_another_one_serves(
    processes: TrainingProcesses,
) -> None:
    assert processes.call(_command("0")) == 0
    _end_server(processes)
    assert processes.call(_command("0")) == 0
    assert processes.call(_command("0")) == 0
    assert _imports() == 2


@pytest.mark.skipif(not FORKS, reason="commands are forked on Linux")
def test_a_command_that_reaches_no_server_is_started_anew(
    processes: TrainingProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert processes.call(_command("0")) == 0
    _end_server(processes)
    monkeypatch.setattr(module.ForkServer, "running", True)  # it dies after it was asked
    assert processes.call(_command("3")) == 3
    assert _imports() == 2


def test_what_is_imported_beforehand_exists() -> None:
    for entry in module.MODULES:
        name, _, function = entry.partition(":")
        imported = importlib.import_module(name)
        assert not function or callable(getattr(imported, function)), entry


@pytest.mark.skipif(not FORKS, reason="commands are forked on Linux")
@pytest.mark.usefixtures("processes")
def test_where_the_imports_fail_commands_are_started_anew() -> None:
    reporter = Notes()
    with TrainingProcesses(reporter, ["no_such_module"]) as processes:
        assert processes.call(_command("0")) == 0
        assert processes.call(_command("3")) == 3
    (note,) = reporter.texts
    assert note.startswith("each training imports its packages anew: import no_such_module: ")
    assert _imports() == 2


@pytest.mark.skipif(not FORKS, reason="commands are forked on Linux")
@pytest.mark.skipif(
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
    reason="what a shell starts in the background does not see Ctrl-C",
)
def test_after_ctrl_c_during_the_imports_nothing_starts(
    processes: TrainingProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)"
    Path("heavy.py").write_text(interrupt)

    def refuse(*_: object, **__: object) -> int:
        raise AssertionError("a command was started")

    monkeypatch.setattr(subprocess, "call", refuse)
    assert processes.call(_command("0")) == INTERRUPTED
    assert processes.call(_command("0")) == INTERRUPTED
