"""Starting the processes of a run on this machine, and ending them together.

Under torchrun or Slurm the processes are there already, and nothing here is used but `report`.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from alexcli.errors import (
    AlexcliError,
    InterruptedRunError,
    LostPeerError,
    RunFailedError,
    UsageError,
)
from alexcli.placement.world import MEETING, world

if TYPE_CHECKING:  # whose import would slow down every --help
    from alexcli.schema import TrainSpec

POLL = 0.1  # seconds
GRACE = 5.0  # seconds in which processes that lost a peer may say so before they are ended
KINDS: dict[str, type[AlexcliError]] = {
    kind.__name__: kind for kind in (InterruptedRunError, LostPeerError, RunFailedError, UsageError)
}


def speaks() -> bool:
    """Whether this process tells the user what came out: rank 0, or a process on its own.

    The work is done: processes part here. After an error they do not, because parting waits.
    """
    here = world()
    if here is not None:
        from alexcli.placement.ranks import leave

        leave()
    return here is None or here.rank == 0


def launched(spec: "TrainSpec", words: Sequence[str]) -> bool:
    """Run a command in all processes that its placement takes, where they are not there yet.

    Args:
        spec: the configuration; refused here, before a process starts, if it is impossible.
        words: the command line after `alexcli`.

    Returns:
        False when this process is to do the work itself.

    Raises:
        UsageError: the placement cannot be had, or all processes refuse the command.
        RunFailedError: a process failed or died; names it and its error.
        InterruptedRunError: Ctrl-C or SIGTERM; the processes have saved.
    """
    from alexcli.placement.plan import processes
    from alexcli.run.build import resolve_device

    device, here = resolve_device(spec), world()
    size = processes(spec.placement, spec.model, spec.optim.batch_size, device, here)
    if here is not None:
        _follow_parent()
    if size == 1 or here is not None:
        return False
    with tempfile.TemporaryDirectory(prefix="alexcli-") as folder:
        _Family(size, words, Path(folder)).watch()
    return True


class _Family:
    """The processes of a run, each in a session of its own so that signals come from here alone."""

    def __init__(self, size: int, words: Sequence[str], folder: Path) -> None:
        self.folder, self.asked = folder, 0
        self.children: list[subprocess.Popen[bytes]] = []
        threads = max(1, (os.cpu_count() or 1) // size)
        for rank in range(size):
            own = {
                "RANK": rank,
                "LOCAL_RANK": rank,
                "WORLD_SIZE": size,
                "LOCAL_WORLD_SIZE": size,
                MEETING: folder / "meeting",
            }
            # One machine: no other interface than the loopback is needed, or can be in the way.
            usual = {"OMP_NUM_THREADS": threads, "GLOO_SOCKET_IFNAME": _loopback()}
            defaults = {name: str(value) for name, value in usual.items() if value}
            environ = defaults | dict(os.environ) | {k: str(v) for k, v in own.items()}
            with (folder / f"rank{rank}.log").open("wb") as log:
                child = subprocess.Popen(
                    [sys.executable, "-m", "alexcli", *words],
                    env=environ,
                    stdin=subprocess.DEVNULL,
                    stdout=None if rank == 0 else log,
                    stderr=None if rank == 0 else log,
                    start_new_session=True,
                )
            self.children.append(child)

    def watch(self) -> None:
        """Wait for all, or for the first that fails; then raise its error."""
        before = {n: signal.signal(n, self._pass_on) for n in (signal.SIGINT, signal.SIGTERM)}
        try:
            while any(code is None for code in self._codes()):
                if any(self._codes()):
                    self._wait(GRACE)
                    break
                time.sleep(POLL)
        finally:
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)
        if any(self._codes()):
            raise self._cause()

    def _codes(self) -> list[int | None]:
        return [child.poll() for child in self.children]

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while any(code is None for code in self._codes()) and time.monotonic() < until:
            time.sleep(POLL)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        """The first signal lets the step end and saves, the second stops at once."""
        self.asked += 1
        for child in self.children:
            if child.poll() is None:
                child.kill() if self.asked > 2 else child.send_signal(signal.SIGTERM)

    def _end(self) -> None:
        """Kill what is left: it waits for a process that is gone."""
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()

    def _cause(self) -> AlexcliError:
        """The error that came first: not the loss of a peer, if there is any other."""
        found = []
        for rank, code in enumerate(self._codes()):
            if code:
                found.append(self._told(rank, code))
        found.sort(key=lambda told: (told["kind"] == LostPeerError.__name__, told["time"]))
        first = found[0]
        kind = KINDS.get(first["kind"], RunFailedError)
        if self.asked and all(told["kind"] != UsageError.__name__ for told in found):
            kind = InterruptedRunError
        named = kind in (UsageError, InterruptedRunError)  # which all processes raise alike
        prefix = "" if named else f"rank {first['rank']} of {len(self.children)}: "
        return kind(prefix + first["message"], hint=first["hint"])

    def _told(self, rank: int, code: int) -> dict[str, Any]:
        """What a process reported, or what its end tells."""
        try:
            found: dict[str, Any] = json.loads((self.folder / f"rank{rank}.json").read_text())
            return found
        except (OSError, ValueError):
            end = (
                f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
            )
            log = (self.folder / f"rank{rank}.log").read_text(errors="replace").strip()
            return {
                "rank": rank,
                "kind": RunFailedError.__name__,
                "message": f"{end}\n{log}".strip(),
                "hint": "the same command resumes from what was saved",
                "time": 0.0,
            }


def _loopback() -> str:
    import socket

    names = [name for _, name in socket.if_nameindex()]
    return next((name for name in names if name in ("lo", "lo0")), "")


def speaker() -> str:
    """Which of several processes an error of this one is, as its beginning; empty for one."""
    here = world()
    return "" if here is None else f"rank {here.rank} of {here.size}: "


def report(error: BaseException) -> bool:
    """Tell the process that started this one about an error; False where there is none."""
    here, meeting = world(), os.environ.get(MEETING)
    if here is None or meeting is None:
        return False
    if isinstance(error, AlexcliError):
        message, hint, kind = error.message, error.hint, type(error).__name__
    else:
        message = "".join(traceback.format_exception(error)).strip()
        message = f"{type(error).__name__}: {error}\n{message}"
        hint, kind = "the same command resumes from what was saved", RunFailedError.__name__
    told = {"rank": here.rank, "kind": kind, "message": message, "hint": hint, "time": time.time()}
    file = Path(meeting).with_name(f"rank{here.rank}.json")
    temporary = file.with_suffix(".tmp")
    temporary.write_text(json.dumps(told))
    temporary.replace(file)
    return True


def _follow_parent() -> None:
    """Stop as on Ctrl-C when the process that started this one is gone."""
    if MEETING not in os.environ:
        return
    parent = os.getppid()

    def wait() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()
