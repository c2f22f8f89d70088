"""Damage files of runs and stores again and again, use them, and see whether anybody notices.

    python -m tests.stress.faults [--each 10] [--out results/reliability/faults.json]

A fault is refused with a message, repaired (the training ends equal to the bit to one without the
fault), or its rows are left out of metrics.jsonl and all else is equal. What is used unnoticed
would be other weights, other pixels or another result.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from alexcli.data.store_images import open_store
from alexcli.errors import UsageError
from alexcli.files import write_atomic
from alexcli.lit.module import AlexNetModule
from alexcli.reporter import NullReporter
from alexcli.run.directory import RunDirectory
from alexcli.run.environment import describe_environment
from alexcli.run.train import train
from alexcli.run.trained import load
from alexcli.schema import Encoding
from tests.conftest import small
from tests.data.random_data import make_array_store
from tests.stress.kills import are_equal, content_of

Outcome = str
"""`refused`, `repaired`, `rows left out`, or `used unnoticed`."""
UNNOTICED = "used unnoticed"


class StoppedError(Exception):
    """Ends a training in its last epoch, as a kill does."""


def flip_a_bit(content: bytes, draw: random.Random) -> bytes:
    """Content of which one bit is another."""
    changed = bytearray(content)
    changed[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def zero_a_block(content: bytes, draw: random.Random) -> bytes:
    """Content of which a block of a disk is lost."""
    start = draw.randrange(0, len(content), 4096)
    block = bytes(len(content[start : start + 4096]))
    return content[:start] + block + content[start + 4096 :]


FAULTS: dict[str, Callable[[bytes, random.Random], bytes | None]] = {
    "a bit flipped": flip_a_bit,
    "a block of zeros": zero_a_block,
    "zeros throughout": lambda content, _draw: bytes(len(content)),
    "cut off": lambda content, draw: content[: draw.randrange(1, len(content))],
    "empty": lambda _content, _draw: b"",
    "missing": lambda _content, _draw: None,
}
"""What is left of the content of a file; None for no file."""
WITHOUT_CHECKSUM = ("zeros throughout", "cut off", "empty", "missing")
"""Faults of small text files, in which a bit may turn one number into another."""


class Trainings:
    """A run that was stopped in its last epoch, and its end without any fault."""

    def __init__(self) -> None:
        self.spec = small("optim.epochs=3", "eval.test_at_end=false", "logger=none")
        train(self.spec, NullReporter())
        self.path = next(Path("runs/quickstart").glob("s*"))
        self.expected = content_of(self.path)
        self.finished = shutil.copytree(self.path, "finished")
        shutil.rmtree(self.path)
        self._stop_in_last_epoch()
        self.stopped = shutil.copytree(self.path, "stopped")

    def _stop_in_last_epoch(self) -> None:
        step = AlexNetModule.training_step

        def stopping(module: AlexNetModule, *arguments: Any) -> Any:
            if module.current_epoch == 2:
                raise StoppedError
            return step(module, *arguments)

        AlexNetModule.training_step = stopping  # type: ignore[method-assign]
        try:
            train(self.spec, NullReporter())
        except StoppedError:
            pass
        finally:
            AlexNetModule.training_step = step  # type: ignore[method-assign]

    def restore(self, state: Path) -> RunDirectory:
        """The run as it was, `stopped` or `finished`."""
        shutil.rmtree(self.path, ignore_errors=True)
        return RunDirectory(shutil.copytree(state, self.path))

    def resumed(self) -> Outcome:
        """Train to the end; what came of the fault."""
        train(self.spec, NullReporter())
        content = content_of(self.path)
        if are_equal(content, self.expected):
            return "repaired"
        rows, expected_rows = content.pop("metrics"), self.expected["metrics"]
        others = {name: value for name, value in self.expected.items() if name in content}
        are_some = all(row in expected_rows for row in rows)
        return "rows left out" if are_some and are_equal(content, others) else UNNOTICED

    def evaluated(self, name: str) -> Outcome:
        """Load the net of a checkpoint; what came of the fault."""
        run = RunDirectory(self.path)
        trained = load(run, run.path / name)
        intact = load(RunDirectory(self.finished), self.finished / name)
        weights = trained.net.state_dict()
        same = are_equal(dict(weights), dict(intact.net.state_dict()))
        return "repaired" if same and trained.spec == intact.spec else UNNOTICED


def damage(path: Path, fault: str, draw: random.Random) -> None:
    """Do one of FAULTS to a file."""
    content = FAULTS[fault](path.read_bytes(), draw)
    path.unlink()
    if content is not None:
        path.write_bytes(content)


def read_store(folder: Path) -> list[np.ndarray[Any, Any]]:
    """Everything in a store: pixels, labels and statistics of its splits."""
    dataset = open_store(str(folder))
    assert dataset.statistics is not None
    found = [dataset.statistics.mean_image, dataset.statistics.covariance]
    for images in (dataset.train, dataset.val):
        found += [images.fetch(range(len(images))), images.labels, np.array(images.names())]
    return found


class Stores:
    """A store, and what is in it."""

    def __init__(self, encoding: Encoding) -> None:
        self.intact = make_array_store(Path(f"intact_{encoding.value}"), encoding)
        self.expected = read_store(self.intact)

    def outcome(self, name: str, fault: str, draw: random.Random) -> Outcome:
        """What came of a fault of one of its files."""
        folder = Path("damaged_store")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.intact, folder)
        damage(folder / name, fault, draw)
        found = read_store(folder)
        pairs = zip(found, self.expected, strict=True)
        return "repaired" if all(np.array_equal(*pair) for pair in pairs) else UNNOTICED


Trial = tuple[str, str, Callable[[], Outcome]]
"""File, fault, and what does both and uses the file."""


def trials(trainings: Trainings, draw: random.Random) -> list[Trial]:
    """Each fault of each file, once."""
    tried: list[Trial] = []

    def add(file: str, faults: tuple[str, ...], state: Path, use: Callable[[], Outcome]) -> None:
        for fault in faults:

            def trial(fault: str = fault) -> Outcome:
                damage(trainings.restore(state).path / file, fault, draw)
                return use()

            use_name = "resumed" if state is trainings.stopped else "used"
            tried.append((f"{file}, {use_name}", fault, trial))

    add("last.ckpt", tuple(FAULTS), trainings.stopped, trainings.resumed)
    add("metrics.jsonl", WITHOUT_CHECKSUM, trainings.stopped, trainings.resumed)
    add("config.yaml", WITHOUT_CHECKSUM, trainings.stopped, trainings.resumed)
    add("best.ckpt", tuple(FAULTS), trainings.finished, lambda: trainings.evaluated("best.ckpt"))
    add("result.json", WITHOUT_CHECKSUM, trainings.finished, trainings.resumed)
    for encoding in Encoding:
        store = Stores(encoding)
        for name in ("train-00003.bin", "train.npz", "statistics.npz", "source.jsonl"):
            for fault in FAULTS:
                tried.append(
                    (
                        f"{name} of a {encoding.value} store",
                        fault,
                        lambda s=store, n=name, f=fault: s.outcome(n, f, draw),
                    )
                )
    return tried


def inject(each: int, seed: int) -> dict[str, Any]:
    """Do each fault to each file a number of times."""
    draw = random.Random(seed)
    counts: dict[str, Counter[str]] = {}
    total: Counter[str] = Counter()
    for file, fault, trial in trials(Trainings(), draw):
        for _ in range(each):
            try:
                outcome = trial()
            except UsageError:
                outcome = "refused"
            counts.setdefault(f"{file}: {fault}", Counter())[outcome] += 1
            total[outcome] += 1
        print(file, fault, dict(counts[f"{file}: {fault}"]), flush=True)
    return {
        "injected": total.total(),
        **{name.replace(" ", "_"): total[name] for name in ("refused", "repaired")},
        "rows_left_out": total["rows left out"],
        "used_unnoticed": total[UNNOTICED],
        "faults": {name: dict(outcomes) for name, outcomes in counts.items()},
        "seed": seed,
    }


def main() -> None:
    """Inject faults, and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    out = options.out.absolute() if options.out else None
    root = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        outcome = inject(options.each, options.seed)
        os.chdir(root)
    outcome["command"] = " ".join(["python -m tests.stress.faults", *sys.argv[1:]])
    outcome["on"] = describe_environment()
    text = json.dumps(outcome, indent=1) + "\n"
    print(text)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(out, text)
    sys.exit(1 if outcome["used_unnoticed"] else 0)


if __name__ == "__main__":
    main()
