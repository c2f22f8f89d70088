"""A training that receives a signal at a certain moment.

python -m tests.stress.victim MOMENT COUNT SIGNAL... train KEY=VALUE...

sends itself the signals when the moment has come for the COUNTth time.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from alexcli import checksum, files
from alexcli.cli import main as command_line
from alexcli.lit import checkpointing
from alexcli.lit.module import AlexNetModule

MOMENTS: dict[str, tuple[Any, str]] = {
    "step": (AlexNetModule, "training_step"),
    "validation": (AlexNetModule, "validation_step"),
    "within a checkpoint": (checksum.ChecksummedFile, "write"),
    "before a checkpoint is on the disk": (checkpointing, "sync"),
    "between two names of a checkpoint": (checkpointing, "_rename_earlier"),
    "after a checkpoint is renamed": (checkpointing, "sync_folder"),
    "before a small file is on the disk": (files, "sync"),
    "after a small file is renamed": (files, "sync_folder"),
}
"""The function that is called at each moment."""


def _signal_at(moment: str, count: int, numbers: list[int]) -> None:
    """Send signals after the COUNTth call of a function; `never` is no moment."""
    if moment == "never":
        return
    owner, name = MOMENTS[moment]
    function: Callable[..., object] = getattr(owner, name)
    calls = 0

    def counted(*arguments: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        result = function(*arguments, **named)
        if calls == count:
            for number in numbers:
                os.kill(os.getpid(), number)
        return result

    setattr(owner, name, counted)


def main() -> None:
    """Run the command line."""
    moment, count, names, *words = sys.argv[1:]
    numbers = [int(signal.Signals[f"SIG{name}"]) for name in names.split(",")]
    _signal_at(moment, int(count), numbers)
    sys.argv[1:] = words
    command_line.main()


if __name__ == "__main__":
    main()
