import threading

from alexcli.render.waiting import Waiting


def test_waiting_speaks_until_it_is_stopped() -> None:
    spoken = threading.Event()
    seconds: list[float] = []

    def say(elapsed: float) -> None:
        seconds.append(elapsed)
        spoken.set()

    waiting = Waiting(say, 0.001)
    waiting.start()
    assert spoken.wait(60)
    waiting.stop()
    count = len(seconds)
    waiting.join(60)
    assert not waiting.is_alive()
    assert len(seconds) == count
    assert seconds[0] > 0


def test_what_is_said_may_stop_the_waiting() -> None:
    waiting = Waiting(lambda _: waiting.stop(), 0.001)
    waiting.start()
    waiting.join(60)
    assert not waiting.is_alive()
