"""Kill a training again and again, resume it, and compare the end with an uninterrupted run.

    python -m tests.stress.kills [--kills 50] [--minutes 60] [--out results/reliability/kills.json]

Weights, momentum, metrics and result have to be equal to the bit. SIGKILL comes at each moment of
`victim.MOMENTS` in turn and at random moments; SIGTERM, SIGINT and SIGINT twice within a step.
Trainings are forked from one process that has made the imports.
"""

import argparse
import itertools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from alexcli.files import write_atomic
from alexcli.run import checkpoint
from alexcli.run.environment import describe_environment
from alexcli.run.fork_server import ForkServer
from alexcli.run.training_processes import MODULES
from tests.stress.victim import MOMENTS

SETTING = [
    "experiment=quickstart",
    "optim.epochs=3",
    "optim.batch_size=20",
    "data.train_count=100",
    "data.val_count=40",
    "data.test_count=20",
    "model.width=0.125",
    "eval.test_at_end=false",
    "trainer.precision=float32",
    "trainer.threads=1",
    "logger=none",
]
PLACEMENT = "placement of 2 processes"
KINDS = {
    "0 loader processes": ["data.workers=0"],
    "2 loader processes": ["data.workers=2"],
    PLACEMENT: ["placement=distributed"],
}
TIMES = ("seconds", "images_per_s", "time", "peak_memory_bytes", "name", "finished")
"""Fields that differ from run to run: times, memory, and the name of the run."""
COUNTS = {
    "between two names of a checkpoint": 2,
    "before a small file is on the disk": 1,
    "after a small file is renamed": 1,
}
"""How often a training of three epochs comes to a moment, where it is not thrice."""
EXIT_CODES = {"KILL": -signal.SIGKILL, "TERM": 75, "INT": 130, "INT,INT": 130}


class Attack(NamedTuple):
    """Which training is ended, when, and how."""

    kind: str
    """A key of KINDS."""
    signals: str
    """Names of signals, parted by commas."""
    moment: str
    """A key of MOMENTS; `random` for any moment, of any of the training's processes."""
    count: int
    """The how manieth time of the moment."""

    def __str__(self) -> str:
        return f"{self.signals}, {self.moment}, {self.kind}"


class Trainer:
    """Runs trainings in forked processes, within the present folder."""

    def __init__(self) -> None:
        self.server = ForkServer([*MODULES, "tests.stress.victim"])
        self.seconds: dict[str, float] = {}
        """How long an uninterrupted training of each kind takes."""

    def train(self, label: str, kind: str) -> int:
        """Train until it ends; the exit code."""
        return self._call(label, kind, ["never", "1", "KILL"])

    def measure(self, label: str, kind: str) -> None:
        """Train without interruption, and note how long it takes."""
        start = time.monotonic()
        assert self.train(label, kind) == 0, Path("log").read_text()
        self.seconds[kind] = time.monotonic() - start

    def train_under(self, attack: Attack, label: str, draw: random.Random) -> int:
        """Train until the attack ends it; the exit code."""
        if attack.moment != "random":
            victim = [attack.moment, str(attack.count), attack.signals]
            return self._call(label, attack.kind, victim)
        timers: list[threading.Timer] = []
        number = signal.Signals[f"SIG{attack.signals}"]

        def started(process: int) -> None:
            seconds = draw.uniform(0.1, 1.0) * self.seconds[attack.kind]
            timers.append(threading.Timer(seconds, os.kill, (process, number)))
            timers[0].start()

        code = self._call(label, attack.kind, ["never", "1", "KILL"], started)
        for timer in timers:
            timer.cancel()
        return code

    def _call(
        self,
        label: str,
        kind: str,
        victim: Sequence[str],
        started: Callable[[int], None] = lambda _process: None,
    ) -> int:
        words = ["train", *SETTING, *KINDS[kind], f"label={label}"]
        with Path("log").open("ab") as log:
            command = ["tests.stress.victim", *victim, *words]
            return self.server.call(command, log.fileno(), log.fileno(), started)


def _run(label: str) -> Path:
    return next(Path("runs", label).glob("s*"))


def content_of(run: Path) -> dict[str, Any]:
    """What has to be equal at the end: tensors of the last checkpoint, metrics, result."""
    state = checkpoint.read(run / "last.ckpt")
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {
        "weights": state["state_dict"],
        "optimizer": state["optimizer_states"],
        "metrics": _without_times(rows),
        "units": (run / "units.jsonl").read_text(),
        "result": _without_times(json.loads((run / "result.json").read_text())),
    }


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        left_out = ("on", "command", *TIMES)
        return {name: _without_times(v) for name, v in value.items() if name not in left_out}
    return [_without_times(item) for item in value] if isinstance(value, list) else value


def are_equal(first: Any, second: Any) -> bool:
    """Equality to the bit, of tensors too."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(are_equal(first[k], second[k]) for k in first)
    if isinstance(first, list):
        return len(first) == len(second) and all(map(are_equal, first, second))
    return bool(first == second)


def _attacks(kills: int, draw: random.Random) -> list[Attack]:
    """SIGKILLs at each moment in turn, and a share of other signals, in any order.

    Args:
        kills: number of SIGKILLs; SIGTERM and SIGINT come a fifth as often, SIGINT twice a tenth.
        draw: random numbers.
    """
    moments = itertools.cycle([*MOMENTS, "random"])
    kinds = itertools.cycle(list(KINDS)[:2])
    attacks = []
    for number in range(kills):
        if number % 8 == 7:  # no more of them: its start takes long
            attacks.append(Attack(PLACEMENT, "KILL", "random", 0))
            continue
        moment = next(moments)
        attacks.append(Attack(next(kinds), "KILL", moment, draw.randint(1, COUNTS.get(moment, 3))))
    for signals, share in (("TERM", 5), ("INT", 5), ("INT,INT", 10)):
        for _ in range(kills // share):
            attacks.append(Attack(next(kinds), signals, "step", draw.randint(1, 4)))
    draw.shuffle(attacks)
    return attacks


def attack(kills: int, minutes: float, seed: int) -> dict[str, Any]:
    """Attack trainings until every signal has interrupted its share, or the time is over."""
    draw = random.Random(seed)
    trainer = Trainer()
    expected = {}
    for number, kind in enumerate(KINDS):
        trainer.measure(f"whole{number}", kind)
        expected[kind] = content_of(_run(f"whole{number}"))
    end = time.monotonic() + 60 * minutes
    interrupted: Counter[str] = Counter()
    equal: Counter[str] = Counter()
    differing: list[str] = []
    finished = within_epoch = 0
    attacks = deque(_attacks(kills, draw))
    while attacks and time.monotonic() < end:
        each = attacks.popleft()
        code = trainer.train_under(each, "attacked", draw)
        within_epoch += code != 0 and _stopped_within_epoch("attacked")
        fault = "" if code in (0, EXIT_CODES[each.signals]) else f"exit code {code}"
        if code:
            fault = fault or _fault_after_resuming(trainer, each.kind, expected[each.kind])
            interrupted[each.signals] += 1
            equal[str(each)] += not fault
        else:
            finished += 1
            attacks.append(each)
        if fault:
            differing.append(f"{each} {each.count}: {fault}")
        print(each, fault or ("equal" if code else "had finished"), flush=True)
        shutil.rmtree(Path("runs", "attacked"), ignore_errors=True)
    trainer.server.stop()
    return {
        "interrupted": interrupted.total(),
        "by_signal": dict(sorted(interrupted.items())),
        "equal": dict(sorted((name, n) for name, n in equal.items() if n)),
        "differing": differing,
        "had_finished_before_the_signal": finished,
        "resumed_within_an_epoch": within_epoch,
        "seed": seed,
    }


def _fault_after_resuming(trainer: Trainer, kind: str, expected: dict[str, Any]) -> str:
    """Resume what was interrupted; what is wrong with the end, or nothing."""
    code = trainer.train("attacked", kind)
    if code:
        return f"resumed, exit code {code}"
    return "" if are_equal(content_of(_run("attacked")), expected) else "other content"


def _stopped_within_epoch(label: str) -> bool:
    """Whether a run that was stopped has saved between the ends of two epochs."""
    found = list(Path("runs", label).glob("s*/last.ckpt"))
    return bool(found) and int(checkpoint.read(found[0])["global_step"]) % 5 != 0


def main() -> None:
    """Attack, and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    out = options.out.absolute() if options.out else None
    root = Path.cwd()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(root / "src"), str(root)])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        outcome = attack(options.kills, options.minutes, options.seed)
        os.chdir(root)
    outcome["command"] = " ".join(["python -m tests.stress.kills", *sys.argv[1:]])
    outcome["setting"] = " ".join(SETTING)
    outcome["on"] = describe_environment()
    text = json.dumps(outcome, indent=1, default=str) + "\n"
    print(text)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(out, text)
    sys.exit(1 if outcome["differing"] else 0)


if __name__ == "__main__":
    main()
