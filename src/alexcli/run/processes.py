"""Starting the processes of a run on this machine, and ending them together; those of a sweep one
after another.

Under torchrun or Slurm the processes are there already, and nothing here is used but `report`.
"""

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alexcli import errors
from alexcli.errors import AlexcliError, InterruptedRunError, RunFailedError
from alexcli.placement.world import MEETING, world
from alexcli.results import Reporter

if TYPE_CHECKING:  # whose import would slow down every --help
    from alexcli.schema import TrainSpec

POLL = 0.1  # seconds
GRACE = 5.0  # seconds in which processes that lost a peer may say so before they are ended
RESUMES = "the same command resumes from what was saved"


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
        for rank in range(size):
            environ = {
                "OMP_NUM_THREADS": max(1, (os.cpu_count() or 1) // size),
                **_loopback(),
                **os.environ,
                "RANK": rank,
                "LOCAL_RANK": rank,
                "WORLD_SIZE": size,
                "LOCAL_WORLD_SIZE": size,
                MEETING: folder / "meeting",
            }
            with (folder / f"rank{rank}.log").open("wb") as log:
                child = subprocess.Popen(
                    [sys.executable, "-m", "alexcli", *words],
                    env={name: str(value) for name, value in environ.items()},
                    stdin=subprocess.DEVNULL,
                    stdout=None if rank == 0 else log,
                    stderr=None if rank == 0 else log,
                    start_new_session=True,
                )
            self.children.append(child)

    def watch(self) -> None:
        """Wait for all, or for the first that fails; then raise its error."""
        until = math.inf
        with _handling(self._pass_on, signal.SIGINT, signal.SIGTERM):
            try:
                while None in self._codes() and time.monotonic() < until:
                    if any(self._codes()):
                        until = min(until, time.monotonic() + GRACE)
                    time.sleep(POLL)
            finally:
                for child in self.children:
                    child.kill()  # what is left waits for a process that is gone
                    child.wait()
        found = [self._told(rank, code) for rank, code in enumerate(self._codes()) if code]
        if found:
            raise self._cause(found)

    def _codes(self) -> list[int | None]:
        return [child.poll() for child in self.children]

    def _pass_on(self, *_: object) -> None:
        """The first signal lets the step end and saves, the second stops at once."""
        self.asked += 1
        for child in self.children:
            child.kill() if self.asked > 2 else child.send_signal(signal.SIGTERM)

    def _cause(self, found: list[dict[str, Any]]) -> AlexcliError:
        """The error that came first: not the loss of a peer, if there is any other."""
        first = min(found, key=lambda told: (told["kind"] == "LostPeerError", told["time"]))
        kind: type[AlexcliError] = getattr(errors, first["kind"], RunFailedError)
        if self.asked and all(told["kind"] != "UsageError" for told in found):
            kind = InterruptedRunError
        named = kind in (errors.UsageError, InterruptedRunError)  # which all processes raise alike
        prefix = "" if named else f"rank {first['rank']} of {len(self.children)}: "
        return kind(prefix + first["message"], hint=first["hint"])

    def _told(self, rank: int, code: int) -> dict[str, Any]:
        """What a process reported, or what its end tells."""
        try:
            found: dict[str, Any] = json.loads((self.folder / f"rank{rank}.json").read_text())
            return found
        except (OSError, ValueError):
            killed = code < 0 and f"was killed by {signal.Signals(-code).name}"
            log = (self.folder / f"rank{rank}.log").read_text(errors="replace").strip()
            end = f"{killed or f'ended with {code}'}\n{log}".strip()
            known = {"rank": rank, "kind": "RunFailedError", "time": 0.0}
            return {**known, "message": end, "hint": RESUMES}


@contextlib.contextmanager
def _handling(handler: Callable[..., None], *numbers: signal.Signals) -> Iterator[None]:
    """Answer signals in another way for a while."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, kept in before.items():
            signal.signal(number, kept)


def _loopback() -> dict[str, str]:
    """One machine: no other interface is needed, or can be in the way."""
    import socket

    names = {name for _, name in socket.if_nameindex()} & {"lo", "lo0"}
    return {"GLOO_SOCKET_IFNAME": names.pop()} if names else {}


def speaker() -> str:
    """Which of several processes an error of this one is, as its beginning; empty for one."""
    here = world()
    return "" if here is None else f"rank {here.rank} of {here.size}: "


def report(error: BaseException) -> bool:
    """Tell the process that started this one about an error; False where there is none."""
    here, meeting = world(), os.environ.get(MEETING)
    if here is None or meeting is None:
        return False
    if not isinstance(error, AlexcliError):
        trace = "".join(traceback.format_exception(error)).strip()
        error = RunFailedError(f"{type(error).__name__}: {error}\n{trace}", hint=RESUMES)
    kind, when = type(error).__name__, time.time()
    told = {"rank": here.rank, "kind": kind, "time": when, **vars(error)}
    Path(meeting).with_name(f"rank{here.rank}.json").write_text(json.dumps(told))
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


def sweep(jobs: Sequence[Sequence[str]], flags: Sequence[str], reporter: Reporter) -> list[int]:
    """Run `alexcli train` once for each list of overrides, each a child process.

    A job that fails does not stop the next; the same sweep again skips what is finished.

    Returns:
        The exit codes; 1 where a signal ended a child.
    """
    codes: list[int] = []
    # Ctrl-C reaches the child too, which saves before it stops; here it only means to wait on.
    with _handling(lambda *_: None, signal.SIGINT):
        for number, words in enumerate(jobs, start=1):
            reporter.note(f"job {number} of {len(jobs)}: alexcli train {' '.join(words)}")
            code = subprocess.call([sys.executable, "-m", "alexcli", "train", *flags, *words])
            codes.append(code if code >= 0 else 1)
            if code == 130:  # Ctrl-C is meant for all of them.
                break
    return codes
