"""Starting the processes of a run on this machine, and ending them together.

Under torchrun or Slurm the processes already exist, and nothing is started here.
"""

import json
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alexcli import errors
from alexcli.errors import (
    AlexcliError,
    InterruptedRunError,
    RunFailedError,
    TerminatedRunError,
    UsageError,
)
from alexcli.files import write_atomic
from alexcli.parent_watch import child_environ
from alexcli.placement.environment import MEETING, distributed_env
from alexcli.run.worker import CONFIG_FILE, RESUMES, WorkerError, error_file
from alexcli.signals import signals_handled_by

if TYPE_CHECKING:  # omegaconf would slow down every --help
    from alexcli.schema import TrainSpec

POLL_SECONDS = 0.1
PEER_GRACE_SECONDS = 5.0
"""How long processes that lost a peer may still report it before they are ended."""


def needs_workers(spec: "TrainSpec") -> bool:
    """Whether a run needs several processes on this machine that do not exist yet.

    Args:
        spec: the configuration.

    Raises:
        UsageError: its placement is impossible here.
    """
    return distributed_env() is None and _process_count(spec) > 1


def enter_worker(spec: "TrainSpec") -> None:
    """Check that this process, if it is one of several, fits the configuration.

    Raises:
        UsageError: towers, devices, replicas and processes do not fit together.
    """
    if distributed_env() is not None:
        _process_count(spec)


def run_workers(spec: "TrainSpec", argv: Sequence[str]) -> None:
    """Run a command in all processes that its placement needs, and wait for them.

    Args:
        spec: the resolved configuration, which is handed to the processes.
        argv: the command line after `alexcli`.

    Raises:
        UsageError: all processes refuse the command.
        RunFailedError: a process failed or died; names it and its error.
        InterruptedRunError: Ctrl-C or SIGTERM; the processes have saved.
    """
    import yaml

    from alexcli.config.mapping import to_mapping

    with tempfile.TemporaryDirectory(prefix="alexcli-") as name:
        folder = Path(name)
        config = yaml.safe_dump(to_mapping(spec), sort_keys=False)
        write_atomic(folder / CONFIG_FILE, config)
        WorkerGroup(_process_count(spec), argv, folder).wait()


def _process_count(spec: "TrainSpec") -> int:
    """Processes that a run needs; UsageError if towers, devices and processes do not fit."""
    from alexcli.placement.plan import processes
    from alexcli.run.resolve import resolve_device

    device = resolve_device(spec)
    batch = spec.optim.batch_size
    return processes(spec.placement, spec.model, batch, device, distributed_env())


class WorkerGroup:
    """The processes of a run, each in a session of its own so that only this process signals them.

    Args:
        size: number of processes.
        argv: the command line after `alexcli`.
        folder: where they meet, log and report errors.
    """

    def __init__(self, size: int, argv: Sequence[str], folder: Path) -> None:
        self.folder = folder
        self.stop_requests = 0
        self.stopped_by = 0
        self.children = [self._start(rank, size, argv) for rank in range(size)]

    def _start(self, rank: int, size: int, argv: Sequence[str]) -> "subprocess.Popen[bytes]":
        """Start a process; rank 0 has this one's terminal, the others a log."""
        with self._log(rank).open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "alexcli", *argv],
                env=_worker_environ(rank, size, self.folder),
                stdin=subprocess.DEVNULL,
                stdout=None if rank == 0 else log,
                stderr=None if rank == 0 else log,
                start_new_session=True,
            )

    def _log(self, rank: int) -> Path:
        return self.folder / f"rank{rank}.log"

    def wait(self) -> None:
        """Wait for all processes, or for the first that fails; then raise its error."""
        deadline = math.inf
        with signals_handled_by(self._pass_on, signal.SIGINT, signal.SIGTERM):
            try:
                while None in self._exit_codes() and time.monotonic() < deadline:
                    if any(self._exit_codes()):
                        deadline = min(deadline, time.monotonic() + PEER_GRACE_SECONDS)
                    time.sleep(POLL_SECONDS)
            finally:
                for child in self.children:
                    child.kill()  # the others wait for a process that is gone
                    child.wait()
        failures = [
            self._failure(rank, code) for rank, code in enumerate(self._exit_codes()) if code
        ]
        if failures:
            raise self._first_error(failures)

    def _exit_codes(self) -> list[int | None]:
        return [child.poll() for child in self.children]

    def _pass_on(self, number: int, *_: object) -> None:
        """Pass on a signal: the first one saves, the second stops at once, a third kills."""
        self.stop_requests += 1
        self.stopped_by = self.stopped_by or number
        for child in self.children:
            if self.stop_requests > 2:
                child.kill()
            else:
                child.send_signal(signal.SIGTERM)

    def _first_error(self, failures: Sequence[WorkerError]) -> AlexcliError:
        """The error that came first; the loss of a peer only if there is no other."""
        first = min(failures, key=lambda failure: (failure.kind == "LostPeerError", failure.time))
        kind: type[AlexcliError] = getattr(errors, first.kind, RunFailedError)
        if self.stop_requests and all(failure.kind != "UsageError" for failure in failures):
            terminated = self.stopped_by == signal.SIGTERM
            kind = TerminatedRunError if terminated else InterruptedRunError
        if issubclass(kind, UsageError | InterruptedRunError):  # all processes raise it
            return kind(first.message, hint=first.hint)
        message = f"rank {first.rank} of {len(self.children)}: {first.message}"
        return kind(message, hint=first.hint)

    def _failure(self, rank: int, code: int) -> WorkerError:
        """The error that a process reported, or else one that describes how it ended."""
        try:
            record = json.loads(error_file(self.folder, rank).read_text(encoding="utf-8"))
            return WorkerError(**record)
        except (OSError, ValueError, TypeError):
            end = f"ended with {code}"
            if code < 0:
                end = f"was killed by {signal.Signals(-code).name}"
            log = self._log(rank).read_text(encoding="utf-8", errors="replace").strip()
            message = f"{end}\n{log}".strip()
            return WorkerError(rank, "RunFailedError", time=0.0, message=message, hint=RESUMES)


def _worker_environ(rank: int, size: int, folder: Path) -> Mapping[str, str]:
    """The environment of a process: this one's, with its rank and where the processes meet."""
    environ = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // size))}
    # On one machine no other interface is needed, and none can be in the way.
    for _, interface in socket.if_nameindex():
        if interface in ("lo", "lo0"):
            environ["GLOO_SOCKET_IFNAME"] = interface
    environ.update(child_environ())
    environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(size), LOCAL_WORLD_SIZE=str(size)
    )
    environ[MEETING] = str(folder / "meeting")
    return environ
