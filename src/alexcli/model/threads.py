"""Sharing work among threads of our own, for loops that release Python's lock."""

import functools
import math
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

SHARES_PER_THREAD = 2
"""More than one, so that others can take over the shares of a delayed thread."""


def run_in_shares(count: int, work: Callable[[int, int], None], *, smallest: int = 1) -> None:
    """Call `work(first, end)` for ranges that cover 0 to count, on torch's number of threads.

    This thread takes part. Each range is one call, so if the result does not depend on how the
    work is divided, it depends on neither the number of threads nor their timing.

    Args:
        count: number of pieces of work.
        work: does a range of them; called by several threads at a time.
        smallest: least number of pieces that is worth a call.

    Raises:
        Exception: what `work` raised.
    """
    threads = min(torch.get_num_threads(), max(1, count // smallest))
    if threads == 1:
        work(0, count)
        return
    share = max(smallest, math.ceil(count / (threads * SHARES_PER_THREAD)))
    starts = iter(range(0, count, share))
    lock = threading.Lock()

    def next_start() -> int | None:
        with lock:
            return next(starts, None)

    def work_until_done() -> None:
        for start in iter(next_start, None):
            work(start, min(count, start + share))

    pool = _pool(torch.get_num_threads(), os.getpid())
    others = [pool.submit(work_until_done) for _ in range(threads - 1)]
    try:
        work_until_done()
    finally:
        for other in others:
            other.result()


@functools.cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:  # noqa: ARG001
    """A pool of threads that live as long as the process.

    Args:
        threads: number of threads.
        process: number of this process; a forked child has none of its parent's threads.
    """
    return ThreadPoolExecutor(threads, "alexcli")
