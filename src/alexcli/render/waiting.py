"""Showing that work is in progress that reports nothing itself, such as importing libraries."""

import threading
import time
from collections.abc import Callable


class Waiting(threading.Thread):
    """Calls a function every few seconds until it is stopped; the process does not wait for it.

    Args:
        say: receives the seconds since the start; not called any more once `stop` has returned.
        seconds: before the first call, and between calls.
    """

    def __init__(self, say: Callable[[float], None], seconds: float) -> None:
        super().__init__(daemon=True)
        self._say = say
        self._seconds = seconds
        self._stopped = threading.Event()
        self._lock = threading.RLock()
        """Held during a call of `say`."""

    def run(self) -> None:
        """Wait, and call `say` repeatedly."""
        began = time.monotonic()
        while not self._stopped.wait(self._seconds):
            with self._lock:
                if not self._stopped.is_set():
                    self._say(time.monotonic() - began)

    def stop(self) -> None:
        """Stop calling `say`."""
        with self._lock:
            self._stopped.set()
