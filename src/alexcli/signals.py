"""Handling signals differently for a while."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator

from alexcli.errors import TerminatedRunError


class Terminated(BaseException):
    """SIGTERM within `sigterm_as_error`.

    It is no Exception, because readers of damaged files take any Exception for the file's.
    """


@contextlib.contextmanager
def signals_handled_by(handler: Callable[..., object], *numbers: signal.Signals) -> Iterator[None]:
    """Let `handler` handle the signals within the block; then restore the earlier handlers.

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


@contextlib.contextmanager
def sigterm_as_error() -> Iterator[None]:
    """Let SIGTERM end the block as TerminatedRunError; only the main thread of a process may.

    Processes that are forked within the block end without an error.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    process = os.getpid()

    def raise_terminated(*_: object) -> None:
        if os.getpid() != process:
            os._exit(TerminatedRunError.exit_code)
        raise Terminated

    try:
        with signals_handled_by(raise_terminated, signal.SIGTERM):
            yield
    except Terminated:
        raise TerminatedRunError(
            "stopped by SIGTERM", hint="repeat the same command; finished work is kept"
        ) from None


@contextlib.contextmanager
def one_keyboard_interrupt() -> Iterator[threading.Event]:
    """Let only the first Ctrl-C within the block raise KeyboardInterrupt.

    Further ones would interrupt what the first one began: waiting until all have saved.

    Yields:
        An event that the first Ctrl-C sets, before other threads learn of the exception.
    """
    received = threading.Event()

    def raise_the_first(*_: object) -> None:
        if not received.is_set():
            received.set()
            raise KeyboardInterrupt

    in_main_thread = threading.current_thread() is threading.main_thread()
    # A shell's background job ignores Ctrl-C, and continues to ignore it.
    if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        with signals_handled_by(raise_the_first, signal.SIGINT):
            yield received
    else:
        yield received
