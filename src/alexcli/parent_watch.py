"""Noticing that the parent process is gone: if it is killed, its children must not stay behind."""

import os
import threading
import time
from collections.abc import Callable

POLL_SECONDS = 0.5


def on_parent_exit(action: Callable[[], object]) -> None:
    """Call a function once the parent process is gone.

    Args:
        action: called in a thread of its own, which does not keep this process alive.
    """
    parent = os.getppid()

    def wait_for_exit() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        action()

    threading.Thread(target=wait_for_exit, daemon=True).start()
