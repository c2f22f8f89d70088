"""Signals answered in another way for a while."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
import warnings
from multiprocessing.synchronize import Event

import pytest

from alexcli.errors import TerminatedRunError
from alexcli.signals import one_keyboard_interrupt, signals_handled_by, sigterm_as_error


def test_a_signal_goes_to_the_handler_within_the_block_alone() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    received: list[int] = []
    with signals_handled_by(lambda number, _frame: received.append(number), signal.SIGUSR1):
        os.kill(os.getpid(), signal.SIGUSR1)
    assert received == [signal.SIGUSR1]
    assert signal.getsignal(signal.SIGUSR1) == before


def test_sigterm_is_an_error_that_no_reader_of_damaged_files_takes_for_the_files() -> None:
    def read_a_damaged_file() -> None:
        with contextlib.suppress(Exception):
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(TerminatedRunError, match="stopped by SIGTERM"), sigterm_as_error():
        read_a_damaged_file()


def _sleep(is_ready: Event) -> None:
    """Sleep in short parts: a signal just before a long one would be handled after it."""
    is_ready.set()
    while True:
        time.sleep(0.05)


def test_a_forked_process_ends_by_sigterm_without_an_error_of_its_own() -> None:
    context = multiprocessing.get_context("fork")
    is_ready = context.Event()
    with sigterm_as_error():
        child = context.Process(target=_sleep, args=(is_ready,))
        with warnings.catch_warnings(action="ignore"):  # Python 3.12 warns of forks beside threads
            child.start()
    assert is_ready.wait(60)  # a signal during the fork would be lost
    child.terminate()
    child.join(60)
    assert child.exitcode == 75


@pytest.mark.usefixtures("ctrl_c")
def test_the_first_ctrl_c_is_an_exception_and_the_others_are_not() -> None:
    with one_keyboard_interrupt() as interrupted:
        assert not interrupted.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert interrupted.is_set()
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("ctrl_c")
def test_who_ignores_ctrl_c_goes_on_ignoring_it() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with one_keyboard_interrupt() as interrupted:
        signal.raise_signal(signal.SIGINT)
    assert not interrupted.is_set()


def test_other_threads_set_no_handler() -> None:
    entered: list[bool] = []

    def enter() -> None:
        with one_keyboard_interrupt() as interrupted:
            entered.append(interrupted.is_set())

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert entered == [False]
