"""A process that has imported modules, and forks a process for each command that needs them.

    python -m alexcli.run.fork_server DESCRIPTOR MODULE...

imports the modules, reports on the socket DESCRIPTOR that it is ready or why it cannot be, and
takes requests from that socket until the other end is closed. A request consists of what follows
`python -m` in a command.

The server runs nothing but imports: it opens no GPU, draws no random number and starts no thread.
(The threads that numpy's import starts end before a fork; a process that needs them gets new ones.)
A forked process is therefore in the state of a new one that has made the same imports, and ends as
a new one would. Between the two is an attendant, a second fork, which replies with the id of the
process and, at its end, with its exit code; the server itself never waits for a process. A process
whose requester or attendant is gone is stopped by SIGTERM.

The `forkserver` of multiprocessing was tried and is unsuitable: it imports the main module again in
every process, closes stdin, chooses another start method for loader processes, ends without calling
the `atexit` functions, and Ctrl-C during the imports shows a traceback.
"""

import contextlib
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

from alexcli.parent_watch import PARENT, PARENT_GRACE_SECONDS

READY = b"ready"
MESSAGE_BYTES = 4096
"""Longest message about why the server cannot fork."""
STDIN = 0
DESCRIPTORS = 4
"""Number sent with a request: stdin, stdout, stderr, and the socket for argv and replies."""


class ForkServerError(Exception):
    """The server cannot fork.

    Args:
        reason: why.
        interrupted: whether Ctrl-C ended it.
    """

    def __init__(self, reason: str, *, interrupted: bool) -> None:
        super().__init__(reason)
        self.interrupted = interrupted


class ForkServer:
    """A running server.

    After `stop`, the processes that it has forked continue; when this process ends, they stop too.

    Args:
        modules: names of the modules to import. MODULE:FUNCTION also calls a function, without
            arguments, that makes further imports.

    Raises:
        ForkServerError: it ended before it was ready.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        self._requests, requests = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with requests:
            descriptor = requests.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "alexcli.run.fork_server", str(descriptor), *modules],
                pass_fds=[descriptor],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        message = self._requests.recv(MESSAGE_BYTES)
        if message != READY:
            self._requests.close()
            code = self._process.wait()
            reason = (
                message.decode(errors="replace")
                or f"the importing process ended with exit code {code}"
            )
            raise ForkServerError(reason, interrupted=code == -signal.SIGINT)

    @property
    def running(self) -> bool:
        """Whether it accepts requests."""
        return self._process.poll() is None

    def call(
        self,
        argv: Sequence[str],
        stdout: int,
        stderr: int,
        started: Callable[[int], object] = lambda _: None,
    ) -> int:
        """Run `python -m ARGV` in a forked process, and wait for its end.

        The process shares stdin, working folder and environment with the server.

        Args:
            argv: the name of a module and its arguments.
            stdout: file descriptor.
            stderr: file descriptor.
            started: receives the id of the process.

        Returns:
            The exit code; minus the number of the signal that ended the process.

        Raises:
            OSError: the server is gone, and the command was not run.
        """
        connection, attendant_end = socket.socketpair()
        with connection:
            with attendant_end:
                descriptors = [STDIN, stdout, stderr, attendant_end.fileno()]
                socket.send_fds(self._requests, [b"\0"], descriptors)
            connection.sendall(json.dumps(list(argv)).encode())
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as answer:
                process = answer.readline()
                if process:
                    started(int(process))
                exit_code = answer.read()
        # There is no reply if the attendant was killed.
        return int(exit_code) if exit_code else -signal.SIGKILL

    def stop(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.wait()
        self._requests.close()


def _serve(requests: socket.socket) -> list[str] | None:
    """Fork a process for each request.

    Args:
        requests: the socket from which they come.

    Returns:
        In each forked process the arguments of its command; in the server None, when the other
        end of the socket is closed.
    """
    while True:
        request, descriptors, _, _ = socket.recv_fds(requests, 1, DESCRIPTORS)
        if not request:
            return None
        if os.fork() == 0:
            requests.close()
            return _attend(descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        _reap_attendants()


def _reap_attendants() -> None:
    """Reap the attendants that have ended."""
    with contextlib.suppress(ChildProcessError):  # there is none
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _attend(descriptors: Sequence[int]) -> list[str]:
    """Fork the process of a request, and reply with its exit code.

    Args:
        descriptors: see DESCRIPTORS.

    Returns:
        The arguments of the command, in the process that is to run it; the attendant ends here.
    """
    *standard_streams, connection = descriptors
    with socket.socket(fileno=connection) as client:
        with client.makefile("rb") as file:
            argv: list[str] = json.load(file)
        attendant = os.getpid()
        process = os.fork()
        if process:
            _wait_and_answer(process, client)
            os._exit(0)
        os.environ[PARENT] = str(attendant)  # see parent_watch
    for number, descriptor in enumerate(standard_streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    return argv


def _wait_and_answer(process: int, client: socket.socket) -> None:
    """Send the requester a process's id and exit code; stop it if the requester is gone."""

    def stop_without_requester() -> None:
        poll = select.poll()
        poll.register(client, 0)  # POLLHUP is always reported: both directions are closed
        poll.poll()
        os.kill(process, signal.SIGTERM)
        time.sleep(PARENT_GRACE_SECONDS)
        os.kill(process, signal.SIGKILL)

    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # sent to the group, but meant for the process
    with contextlib.suppress(OSError):  # the requester is gone
        client.sendall(f"{process}\n".encode())
    threading.Thread(target=stop_without_requester, daemon=True).start()
    _, status = os.waitpid(process, 0)
    with contextlib.suppress(OSError):
        client.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _run_module(argv: Sequence[str]) -> None:
    """Do what `python -m WORDS` does."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # it was opened for another file
        sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())
    sys.argv[1:] = argv[1:]
    runpy.run_module(argv[0], run_name="__main__", alter_sys=True)


def _obstacle(modules: Sequence[str]) -> str | None:
    """Import modules; return why this process cannot fork afterwards, or None if it can."""
    for name in modules:
        module, _, function = name.partition(":")
        try:
            imported = importlib.import_module(module)
            if function:
                getattr(imported, function)()
        except Exception as error:
            return f"import {name}: {type(error).__name__}: {error}"
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return "the imports opened a GPU, which a forked process cannot use"
    return None


def main() -> None:
    """Run the server, and in forked processes their commands."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    on_ctrl_c = signal.getsignal(signal.SIGINT)
    if on_ctrl_c is not signal.SIG_IGN:  # as an exception it might get lost in an import
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    obstacle = _obstacle(sys.argv[2:])
    if obstacle is not None:
        requests.sendall(obstacle.encode()[:MESSAGE_BYTES])
        return
    gc.freeze()  # or garbage collection would make every process copy all pages that hold objects
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from here on it is for the forked processes
    requests.sendall(READY)
    argv = _serve(requests)
    if argv is not None:
        signal.signal(signal.SIGINT, on_ctrl_c)
        _run_module(argv)


if __name__ == "__main__":
    main()
