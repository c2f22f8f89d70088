"""Handing inputs to a reader: it returns something, or refuses them with a message."""

import time
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from alexcli.errors import UsageError

Read = TypeVar("Read")

COUNTS: Counter[tuple[str, str]] = Counter()
"""How many inputs of a kind were `refused` or `used`, in this process."""

LONGEST_SECONDS = 10.0
"""Of a processor for an input; most take milliseconds."""
LONGEST_MESSAGE = 3000
"""Characters."""


def used_or_refused(kind: str, read: Callable[[], Read]) -> Read | None:
    """What a reader makes of an input; None where it refuses it.

    Args:
        kind: of the input, for the counts.
        read: reads the input; whatever it raises but a UsageError is a fault.
    """
    start = time.process_time()
    content = None
    message = None
    try:
        content = read()
    except UsageError as error:
        message = error.message
    COUNTS[kind, "used" if message is None else "refused"] += 1
    assert message is None or 0 < len(message) < LONGEST_MESSAGE, message[:200]
    seconds = time.process_time() - start
    assert seconds < LONGEST_SECONDS, f"{seconds:.1f} seconds"
    return content
