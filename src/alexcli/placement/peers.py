"""Communication with processes that may have died."""

import contextlib
import os
import sys
from collections.abc import Iterator

from alexcli.errors import LostPeerError

STDOUT = 1
STDERR = 2


@contextlib.contextmanager
def lost_peer_errors() -> Iterator[None]:
    """Report a lost process clearly, instead of with the error of torch's transport.

    Raises:
        LostPeerError: the block raised a RuntimeError.
    """
    try:
        yield
    except RuntimeError as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise LostPeerError(
            f"a process of this run is gone: {first_line}",
            hint="its own message says why; repeat the same command to resume",
        ) from error


@contextlib.contextmanager
def output_on_stderr() -> Iterator[None]:
    """Redirect libraries' standard output to standard error; standard output is for data.

    gloo prints a line for each group of processes that it connects, in torch 2.8 and 2.9.
    """
    sys.stdout.flush()
    try:
        saved = os.dup(STDOUT)
        os.dup2(STDERR, STDOUT)
    except OSError:  # one of them is closed: nothing can be printed there
        yield
        return
    try:
        yield
    finally:
        os.dup2(saved, STDOUT)
        os.close(saved)
