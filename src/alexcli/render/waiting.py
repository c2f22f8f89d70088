"""Saying that work goes on which says nothing itself, such as importing libraries."""

import threading
import time
from collections.abc import Callable


class Waiting(threading.Thread):
    """Calls a function every few seconds until it is stopped; the process does not wait for it.

    Args:
        say: gets the seconds since the beginning; not called any more once `stop` has returned.
        seconds: before the first call, and between two.
    """

    def __init__(self, say: Callable[[float], None], seconds: float) -> None:
        super().__init__(daemon=True)
        self._say = say
        self._seconds = seconds
        self._stopped = threading.Event()
        self._lock = threading.RLock()
        """Held while something is said."""

    def run(self) -> None:
        """Wait and say so."""
        began = time.monotonic()
        while not self._stopped.wait(self._seconds):
            with self._lock:
                if not self._stopped.is_set():
                    self._say(time.monotonic() - began)

    def stop(self) -> None:
        """Say nothing more."""
        with self._lock:
            self._stopped.set()
