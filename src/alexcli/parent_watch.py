"""Noticing that the parent process is gone: if it is killed, its children must not stay behind."""

import os
import signal
import threading
import time
from collections.abc import Callable

POLL_SECONDS = 0.5
GRACE_SECONDS = 20.0
"""How long a process that lost its parent may finish a step and save, before it ends at once."""
PARENT = "ALEXCLI_PARENT"
"""Environment variable: id of the process whose end ends the one that was started with it."""


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


def stop_with(parent: int) -> None:
    """Stop this process as SIGTERM does once its parent is gone, and at once if that takes long.

    Args:
        parent: id of the parent.
    """

    def stop() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_SECONDS)
        os._exit(1)  # it waits for a process that is gone, or its step is long

    on_parent_exit(stop, parent)


def stop_with_named_parent() -> None:
    """`stop_with` the process that PARENT names, if any; processes started from here are free."""
    parent = os.environ.pop(PARENT, None)
    if parent is not None and parent.isdecimal():
        stop_with(int(parent))


def child_environ() -> dict[str, str]:
    """The environment of a process that must not outlive this one."""
    return {**os.environ, PARENT: str(os.getpid())}
