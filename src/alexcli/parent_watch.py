"""Noticing that the parent process is gone, so that its children do not outlive it."""

import os
import signal
import threading
import time
from collections.abc import Callable

POLL_SECONDS = 0.5
PARENT_GRACE_SECONDS = 20.0
"""How long a process that lost its parent may take to finish a step and save before it exits."""
PARENT = "ALEXCLI_PARENT"
"""Environment variable with a process id; the process that reads it ends with that process."""


def on_parent_exit(action: Callable[[], object], parent: int | None = None) -> None:
    """Call a function once the parent process is gone.

    Args:
        action: called in a thread of its own, which does not keep this process alive.
        parent: id of the parent, which may be gone already; None for the present one.
    """
    watched = os.getppid() if parent is None else parent

    def wait_for_exit() -> None:
        while os.getppid() == watched:
            time.sleep(POLL_SECONDS)
        action()

    threading.Thread(target=wait_for_exit, daemon=True).start()


def leave_sigterm_to(parent: int) -> None:
    """Let SIGTERM end this worker process only if its parent sends it.

    A scheduler may send SIGTERM to every process of a job. The parent then finishes its step and
    saves, and needs its workers until it has. On systems that do not tell who sent a signal, any
    SIGTERM ends the process. To be called in the main thread before other threads are started.

    Args:
        parent: id of the parent.
    """
    if not hasattr(signal, "sigwaitinfo"):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # new threads inherit it

    def wait_for_parent() -> None:
        while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
            pass
        os._exit(1)

    threading.Thread(target=wait_for_parent, daemon=True).start()


def stop_with(parent: int) -> None:
    """Send this process SIGTERM once its parent is gone, and exit at once if stopping takes long.

    Args:
        parent: id of the parent.
    """

    def stop() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(PARENT_GRACE_SECONDS)
        os._exit(1)  # it waits for a process that is gone, or its step is too long

    on_parent_exit(stop, parent)


def stop_with_named_parent() -> None:
    """Call `stop_with` for the process that PARENT names, if any; children do not inherit it."""
    parent = os.environ.pop(PARENT, None)
    if parent is not None and parent.isdecimal():
        stop_with(int(parent))


def child_environ() -> dict[str, str]:
    """The environment of a process that must not outlive this one."""
    return {**os.environ, PARENT: str(os.getpid())}
