"""A process for each training of a sweep or a study; if possible they share the imports."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from alexcli.errors import InterruptedRunError, TerminatedRunError
from alexcli.parent_watch import child_environ
from alexcli.reporter import Reporter
from alexcli.run.fork_server import ForkServer, ForkServerError

MODULES = (
    "alexcli.cli.main",
    "alexcli.config.compose",
    "alexcli.config.overrides",
    "alexcli.model.compiled:unavailable_reason",
    "alexcli.run.processes",
    "alexcli.run.training",
    "alexcli.run.train",
)
"""What `alexcli train` imports, which takes longer than some trainings themselves."""
STDOUT = 1
STDERR = 2
INTERRUPTED = InterruptedRunError.exit_code
"""Exit code of a training that Ctrl-C stopped."""
TERMINATED = TerminatedRunError.exit_code
"""Exit code of a training that SIGTERM stopped."""


class TrainingProcesses:
    """Runs commands, any number at a time, each in a process of its own.

    On Linux the processes are forked from one that has made the imports of a training, and that
    starts with the first command. On other systems, whose libraries do not survive a fork, and if
    that process cannot start, each command is started anew and makes its own imports. The result is
    bit-identical.

    Args:
        reporter: receives a note if the imports cannot be shared.
        modules: what to import; see ForkServer.
    """

    def __init__(self, reporter: Reporter, modules: Sequence[str] = MODULES) -> None:
        self.reporter = reporter
        self.modules = modules
        self.can_fork = sys.platform == "linux"
        self._interrupted = False
        self._terminated = False
        self._running: set[int] = set()
        self._server: ForkServer | None = None
        self._starting = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process that made the imports."""
        if self._server is not None:
            self._server.stop()

    def make_imports(self) -> None:
        """Start the process that makes the imports, which takes seconds, if none is running."""
        self._running_server()

    def call(
        self,
        command: Sequence[str],
        log: IO[bytes] | None = None,
        *,
        output: IO[bytes] | None = None,
    ) -> int:
        """Run a command and wait for its end; several threads may call it at the same time.

        Args:
            command: `python -m MODULE ...` with this interpreter; any other is started anew.
            log: receives stderr, and stdout is dropped; None leaves both as they are here.
            output: receives stdout, whatever becomes of stderr.

        Returns:
            The exit code; minus the number of the signal that ended the process.
        """
        server = self._running_server() if command[:2] == [sys.executable, "-m"] else None
        if self._interrupted:
            return INTERRUPTED
        if self._terminated:
            return TERMINATED
        with Path(os.devnull).open("wb") as nowhere:
            stdout = STDOUT if log is None else nowhere.fileno()
            if output is not None:
                stdout = output.fileno()
            stderr = STDERR if log is None else log.fileno()
            if server is not None:
                try:
                    with self._listed() as started:
                        return server.call(command[2:], stdout, stderr, started)
                except OSError:  # it was killed meanwhile; the next command gets another one
                    pass
            environ = child_environ()
            with (
                self._listed() as started,
                subprocess.Popen(command, stdout=stdout, stderr=stderr, env=environ) as process,
            ):
                started(process.pid)
                return process.wait()

    def terminate(self) -> None:
        """Let all commands save and end by SIGTERM, and start no others."""
        self._terminated = True
        for process in list(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)

    @contextlib.contextmanager
    def _listed(self) -> Iterator[Callable[[int], None]]:
        """Within the block, list the process whose id is reported as running."""
        numbers: list[int] = []

        def started(number: int) -> None:
            numbers.append(number)
            self._running.add(number)
            if self._terminated:
                self.terminate()

        try:
            yield started
        finally:
            self._running.difference_update(numbers)

    def _running_server(self) -> ForkServer | None:
        """The process that has made the imports, started anew if it was killed."""
        with self._starting:
            if not self.can_fork or self._interrupted:
                return None
            if self._server is not None and self._server.running:
                return self._server
            if self._server is not None:
                self._server.stop()
            try:
                self._server = ForkServer(self.modules)
            except ForkServerError as error:
                self.can_fork = False
                self._interrupted = error.interrupted
                if not self._interrupted:
                    self.reporter.note(f"each training imports its packages anew: {error}")
                return None
            return self._server
