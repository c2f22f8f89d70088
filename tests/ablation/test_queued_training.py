"""A training in a job of a scheduler."""

import signal
import sys
import threading
import time
from pathlib import Path

import pytest
import submitit

from alexcli.ablation.queued_training import QueuedTraining

TRAINING = """
import pathlib, signal, sys, time

def save(*_):
    pathlib.Path("saved").touch()
    sys.exit(75)

signal.signal(signal.SIGTERM, save)
pathlib.Path("began").touch()
time.sleep(60)
"""


def _wait_for(file: str) -> None:
    until = time.monotonic() + 20
    while not Path(file).exists() and time.monotonic() < until:
        time.sleep(0.02)


def test_a_job_ends_with_the_exit_code_of_its_training() -> None:
    assert QueuedTraining([sys.executable, "-c", ""])() == 0
    with pytest.raises(SystemExit) as ended:
        QueuedTraining([sys.executable, "-c", "raise SystemExit(2)"])()
    assert ended.value.code == 2


def test_a_training_that_was_killed_is_named_with_its_signal(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kill = "import os; os.kill(os.getpid(), 9)"
    with pytest.raises(SystemExit) as ended:
        QueuedTraining([sys.executable, "-c", kill])()
    assert ended.value.code == 137
    assert caplog.messages == ["the training was ended by SIGKILL"]


def test_a_job_that_is_cancelled_saves_and_does_not_come_back() -> None:
    """Slurm sends SIGTERM to the job and to its training."""
    training = QueuedTraining([sys.executable, "-c", TRAINING])

    def cancel() -> None:
        _wait_for("began")
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        assert training.process is not None
        training.process.terminate()

    sender = threading.Thread(target=cancel)
    sender.start()
    with pytest.raises(SystemExit) as ended:
        training()  # SIGUSR2, which asks submitit to queue it again, would end the test
    sender.join()
    assert ended.value.code == 75
    assert Path("saved").exists()


@pytest.mark.parametrize("preempted", ["job", "training"])
def test_what_is_preempted_saves_and_is_queued_again(preempted: str) -> None:
    """As in submitit's handler: of its own signal to the job, or of SIGTERM to the training."""
    training = QueuedTraining([sys.executable, "-c", TRAINING])
    queued: list[submitit.helpers.DelayedSubmission] = []

    def preempt(*_: object) -> None:
        queued.append(training.checkpoint())
        raise SystemExit  # as submitit does

    def send() -> None:
        _wait_for("began")
        assert training.process is not None
        if preempted == "job":
            training.process.send_signal(signal.SIGUSR2)  # Slurm's goes to all, and harms nobody
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR2)
        else:
            training.process.send_signal(signal.SIGTERM)

    before = signal.signal(signal.SIGUSR2, preempt)
    sender = threading.Thread(target=send)
    sender.start()
    with pytest.raises(SystemExit):
        training()
    sender.join()
    signal.signal(signal.SIGUSR2, before)
    assert training.process is not None
    assert training.process.wait() == 75
    assert Path("saved").exists()
    assert queued[0].function.command == training.command
