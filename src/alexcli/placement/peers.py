"""Communication with processes that may be gone."""

import contextlib
from collections.abc import Iterator

from alexcli.errors import LostPeerError


@contextlib.contextmanager
def lost_peer_errors() -> Iterator[None]:
    """Say that another process is gone, instead of what torch's transport says then.

    Raises:
        LostPeerError: the block raised a RuntimeError.
    """
    try:
        yield
    except RuntimeError as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise LostPeerError(
            f"a process of this run is gone: {first_line}",
            hint="its own message says why; the same command resumes",
        ) from error
