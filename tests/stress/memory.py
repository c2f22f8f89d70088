"""The memory that trainings take on this machine, beside the least that is asked for beforehand.

    python -m tests.stress.memory [--out results/reliability/memory.json]

A training is refused where `alexcli.run.memory` counts more than there is. That count has to stay
below what the training then takes, or something that fits would be refused; and it should not stay
far below. What a process with a net of next to no size takes is subtracted: it is Python and torch.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from alexcli.config.compose import compose
from alexcli.files import write_atomic
from alexcli.run.environment import describe_environment
from alexcli.run.memory import training_memory
from alexcli.schema import TrainSpec

COMMON = [
    "experiment=quickstart",
    "optim.epochs=1",
    "optim.lr=0.00001",  # whatever the net
    "data.val_count=10",
    "data.test_count=10",
    "eval.test_at_end=false",
    "trainer.precision=float32",
    "logger=none",
]
NOTHING = "next to nothing"
FULL = ["model=alexnet", "model.classes=10", "data.size=256"]
SETTINGS = {
    NOTHING: ["model.width=0.125", "optim.batch_size=10", "data.train_count=10"],
    "quick start": ["data.train_count=200"],
    "quick start, 4 times as wide": ["model.width=4", "data.train_count=200"],
    "full net, batches of 32": [*FULL, "optim.batch_size=32", "data.train_count=64"],
    "full net, batches of 128": [*FULL, "optim.batch_size=128", "data.train_count=256"],
    "full net, Adam": [*FULL, "optim.kind=adam", "optim.batch_size=32", "data.train_count=64"],
}
"""What is trained, for a step or two."""


def measure(name: str) -> dict[str, int]:
    """Train once in a process of its own.

    Args:
        name: a key of SETTINGS.

    Returns:
        `counted` beforehand and `resident` at most, in bytes.
    """
    overrides = [*COMMON, *SETTINGS[name]]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "alexcli", "train", *overrides]
        environ = {**os.environ, "ALEXCLI_CACHE": str(Path(folder, "cache"))}
        subprocess.run(command, cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL)
        metrics = next(Path(folder).glob("runs/*/*/metrics.jsonl"))
        rows = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    spec = compose(overrides, TrainSpec)
    memory = training_memory(spec, spec.data.train_count, bf16=False, on_gpu=False)
    return {
        "counted": memory.total,
        "resident": max(row["peak_memory_bytes"] for row in rows if row["split"] == "train"),
    }


def main() -> None:
    """Measure every setting, and write what came out."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    settings: dict[str, Any] = {}
    for name in SETTINGS:
        row = settings[name] = measure(name)
        taken = row["resident"] - settings[NOTHING]["resident"]
        if taken > 0:
            row["taken"] = taken
            row["counted_share"] = round(row["counted"] / taken, 3)
        print(name, row, flush=True)
    if arguments.out is not None:
        content = {
            "bytes": settings,
            "command": f"python -m tests.stress.memory --out {arguments.out}",
            "on": describe_environment(),
        }
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(arguments.out, json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
