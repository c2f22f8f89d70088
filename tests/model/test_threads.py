"""Sharing work among threads."""

import threading
from collections.abc import Iterator

import pytest
import torch

from alexcli.model.threads import run_in_shares


@pytest.fixture(params=[1, 2, 5])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """Torch's number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize(("count", "smallest"), [(0, 1), (1, 1), (7, 1), (100, 1), (100, 30)])
def test_every_piece_is_done_once_whoever_takes_it(threads: int, count: int, smallest: int) -> None:
    done: list[int] = []
    shares: list[int] = []
    workers: set[str] = set()

    def work(first: int, end: int) -> None:
        workers.add(threading.current_thread().name)
        shares.append(end - first)
        done.extend(range(first, end))

    run_in_shares(count, work, smallest=smallest)
    assert sorted(done) == list(range(count))
    assert len(workers) <= threads
    assert all(share >= min(smallest, count) for share in shares[:1])


@pytest.mark.usefixtures("threads")
def test_an_error_in_a_thread_is_raised() -> None:
    def fail(first: int, end: int) -> None:
        raise RuntimeError(f"in the share from {first} to {end}")

    with pytest.raises(RuntimeError, match="in the share"):
        run_in_shares(100, fail)
