"""`alexcli bench first-run`: from nothing to the first result, as on a fresh machine.

In an empty temporary folder: a new environment, the package installed by pip without pip's cache,
and `alexcli train` in an empty working folder with an empty $ALEXCLI_CACHE.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexcli import run_files
from alexcli.bench.harness import note_each, single_result
from alexcli.errors import RunFailedError, UsageError
from alexcli.records.benchmark import BenchResult
from alexcli.reporter import Reporter
from alexcli.signals import signals_handled_by

Installer = Callable[[str, Path, Path], None]
"""Makes an environment with a package; takes the package, the environment's folder, a log."""

HELP_CALLS = 5
POLL_SECONDS = 0.05
LOG_LINES = 15
"""Lines of a failed command's output that its error shows."""
FOREIGN_VARIABLES = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX")
"""Environment variables that would make Python or pip leave the new environment."""


@dataclass
class FirstRun:
    """What was measured, and in which environment."""

    results: list[BenchResult]
    """Seconds and bytes."""
    installed: dict[str, Any]
    """The new environment as described by its run: versions, platform, devices."""


def default_package() -> str:
    """The package to install by default: the checkout that this program runs from, if any."""
    root = Path(__file__).resolve().parents[3]
    return str(root) if (root / "pyproject.toml").is_file() else "alexcli"


def pip_install(package: str, environment: Path, log: Path) -> None:
    """Make an environment and install a package, by the two commands of the README.

    Args:
        package: as pip takes it.
        environment: a folder that does not exist.
        log: receives pip's output.

    Raises:
        UsageError: no Python here has pip.
        RunFailedError: pip failed.
    """
    python = _python_with_pip()
    _run([python, "-m", "venv", "--without-pip", str(environment)], log)
    pip = [python, "-m", "pip", "--python", str(environment), "--disable-pip-version-check"]
    _run([*pip, "install", "--no-cache-dir", package], log)


def run(package: str, reporter: Reporter, *, install: Installer = pip_install) -> FirstRun:
    """Install, train and time both.

    Args:
        package: a folder, or a requirement as pip takes it.
        reporter: receives progress updates, and each figure as soon as it is known.
        install: makes the environment, in which `bin/alexcli` is then called.

    Returns:
        Seconds of `first_run/install`; from typing `alexcli train` to its first validation row
        (`first_run/first_epoch`) and to its end (`first_run/train`); `first_run/total`, of
        installing and training; `first_run/help`, of `alexcli --help` (median); and
        `first_run/size`, bytes of the environment.

    Raises:
        UsageError: no Python here has pip.
        RunFailedError: a command failed.
    """
    if Path(package).exists():
        package = str(Path(package).resolve())
    with (
        signals_handled_by(_stop, signal.SIGTERM),
        tempfile.TemporaryDirectory(prefix="alexcli-first-run-") as name,
    ):
        trial = Trial(Path(name), reporter)
        results = note_each(trial.figures(package, install), reporter)
        return FirstRun(results, trial.installed())


def _stop(*_: object) -> None:
    """Handle SIGTERM like Ctrl-C: end what was started, and remove the environment's gigabytes."""
    raise KeyboardInterrupt


@dataclass
class Trial:
    """One installation and one training, in a folder of their own."""

    folder: Path
    """Empty at first."""
    reporter: Reporter
    """Receives progress updates."""

    @property
    def program(self) -> Path:
        """The installed `alexcli`."""
        return self.folder / "environment" / "bin" / "alexcli"

    def figures(self, package: str, install: Installer) -> Iterator[BenchResult]:
        """Measure, and yield one figure after the other.

        Args:
            package: as pip takes it.
            install: makes the environment.
        """
        self.reporter.note(f"installing {package} without pip's cache, which takes minutes")
        environment = self.folder / "environment"
        start = time.perf_counter()
        install(package, environment, self.folder / "install.log")
        install_seconds = time.perf_counter() - start
        yield single_result("first_run/install", "s", [install_seconds])
        sizes = [path.lstat().st_size for path in environment.rglob("*")]
        yield single_result("first_run/size", "bytes", [sum(sizes)])
        first_epoch_seconds, train_seconds = self._train()
        yield single_result("first_run/first_epoch", "s", [first_epoch_seconds])
        yield single_result("first_run/train", "s", [train_seconds])
        yield single_result("first_run/total", "s", [install_seconds + train_seconds])
        yield single_result("first_run/help", "s", [self._help() for _ in range(HELP_CALLS)])

    def installed(self) -> dict[str, Any]:
        """The environment.json of the run that was trained; empty if it has none."""
        for path in self.folder.glob(f"work/runs/*/*/{run_files.ENVIRONMENT}"):
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return content
        return {}

    def _train(self) -> tuple[float, float]:
        """Seconds of `alexcli train` until its first validation row, and until its end."""
        work = self.folder / "work"
        work.mkdir()
        log = self.folder / "train.log"
        self.reporter.note("training as `alexcli train` does in an empty folder")
        first_epoch_seconds: float | None = None
        start = time.perf_counter()
        command = [str(self.program), "train"]
        with _started(command, log, work, self._environ()) as child:
            running = True
            while running:
                time.sleep(POLL_SECONDS)
                running = child.poll() is None
                elapsed = time.perf_counter() - start
                if first_epoch_seconds is None and _has_validation_row(work):
                    first_epoch_seconds = elapsed
        _check_exit(command, child.returncode, log)
        if first_epoch_seconds is None:
            raise RunFailedError(
                "alexcli train ended without a validation row in metrics.jsonl",
                hint="with --dry-run it says what it would train; optim.epochs is at least 1",
            )
        return first_epoch_seconds, elapsed

    def _help(self) -> float:
        """Seconds of `alexcli --help`."""
        start = time.perf_counter()
        _run([str(self.program), "--help"], self.folder / "help.log", self._environ())
        return time.perf_counter() - start

    def _environ(self) -> dict[str, str]:
        """The environment variables of a user who has never run alexcli."""
        environ = {
            name: value
            for name, value in os.environ.items()
            if name not in FOREIGN_VARIABLES and not name.startswith("ALEXCLI_")
        }
        return {**environ, "ALEXCLI_CACHE": str(self.folder / "cache")}


def _has_validation_row(work: Path) -> bool:
    """Whether a run below a working folder has recorded a validation pass."""
    for path in work.glob("runs/*/*/metrics.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):  # a line that is still being written
                if json.loads(line)["split"] == "val":
                    return True
    return False


def _python_with_pip() -> str:
    """This program's Python if it has pip, else the one that its environment was made from.

    Raises:
        UsageError: neither has pip.
    """
    candidates = (sys.executable, getattr(sys, "_base_executable", sys.executable))
    for python in candidates:
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0:
            return python
    raise UsageError(
        f"{' and '.join(dict.fromkeys(candidates))} cannot run pip",
        hint=f"{candidates[0]} -m ensurepip",
    )


@contextlib.contextmanager
def _started(
    command: Sequence[str], log: Path, folder: Path, environ: Mapping[str, str] | None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process during the block, and kill it if it still runs at the end.

    Args:
        command: program and arguments.
        log: receives its output.
        folder: in which it works.
        environ: its environment variables; None for those of this process.
    """
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def _run(command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None) -> None:
    """Run a command to its end, with its output in a log.

    Raises:
        RunFailedError: it failed.
    """
    with _started(command, log, log.parent, environ) as child:
        code = child.wait()
    _check_exit(command, code, log)


def _check_exit(command: Sequence[str], code: int, log: Path) -> None:
    """Raise RunFailedError, with the end of its output, for a command that failed."""
    if code:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        raise RunFailedError(
            "\n".join([f"{' '.join(command)} ended with {code}", *lines[-LOG_LINES:]]),
            hint="name what to install: alexcli bench first-run FOLDER_OR_REQUIREMENT",
        )
