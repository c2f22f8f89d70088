"""Answering signals in another way for a while."""

import contextlib
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def signals_handled_by(handler: Callable[..., object], *numbers: signal.Signals) -> Iterator[None]:
    """Let `handler` answer the signals within the block, and the earlier handlers after it.

    Args:
        handler: called with the signal's number and the stack frame.
        numbers: the signals. Only the main thread may set handlers.
    """
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
