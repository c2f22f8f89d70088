"""Signals answered in another way for a while."""

import os
import signal

from alexcli.run.signals import signals_handled_by


def test_a_signal_goes_to_the_handler_within_the_block_alone() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    received: list[int] = []
    with signals_handled_by(lambda number, _frame: received.append(number), signal.SIGUSR1):
        os.kill(os.getpid(), signal.SIGUSR1)
    assert received == [signal.SIGUSR1]
    assert signal.getsignal(signal.SIGUSR1) == before
