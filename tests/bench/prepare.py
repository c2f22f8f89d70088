"""How fast `alexcli data prepare` is, start and statistics included, beside as many cores as there
are at one core's rate of decoding and resizing alone. Prints, and writes to a file:

    python -m tests.bench.prepare DIR OUT.json
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision import transforms

from alexcli.bench.data import PICTURES, SIDE, picture_tree
from alexcli.bench.harness import alone, alternate, compare, record, timed
from alexcli.results import Measured, Reporter, Silent

PREPARED = 10  # times PICTURES, so that starting the command does not decide
ROUNDS = 5


def preparing(source: Path, rounds: int, reporter: Reporter) -> list[Measured]:
    """The command with the time that it takes to start and without it (`going`), and that time."""
    torch.set_num_threads(1)  # decoding and resizing are of one core
    cores = os.cpu_count() or 1
    square = transforms.Compose([transforms.Resize(SIDE), transforms.CenterCrop(SIDE)])
    with tempfile.TemporaryDirectory(prefix="alexcli-bench-") as folder:
        tree, dest = (
            picture_tree(source, Path(folder, "tree"), PREPARED * PICTURES),
            f"{folder}/made",
        )
        paths = sorted((tree / "train").rglob("*.*"))
        fewer = paths[::PREPARED]
        command = [sys.executable, "-m", "alexcli", "data", "prepare", tree, dest, f"size={SIDE}"]

        def decode() -> None:
            for path in fewer:
                with Image.open(path) as picture:
                    np.asarray(square(picture.convert("RGB")))

        whole = partial(subprocess.run, command, check=True, capture_output=True)
        one_core, all_cores = timed(cores * len(fewer), decode), timed(len(paths), whole)

        def nothing() -> tuple[float, float]:
            seconds = all_cores()[1]
            shutil.rmtree(dest)
            return seconds, 1

        arms = {"one": one_core, "all": all_cores, "start": nothing}
        rates = alternate(arms, rounds, reporter, "preparing")
    pairs = zip(rates["all"], rates["start"], strict=True)
    going = [len(paths) / (len(paths) / rate - start) for rate, start in pairs]
    return [
        compare("data/prepare", "images/s", rates["all"], f"{cores}_cores", rates["one"]),
        compare("data/prepare/going", "images/s", going, f"{cores}_cores", rates["one"]),
        alone("data/prepare/start", "s", rates["start"]),
    ]


def main() -> None:
    """Measure, print and write."""
    source, out = sys.argv[1:]
    rows = [asdict(one) for one in preparing(Path(source), ROUNDS, Silent())]
    for one in rows:
        print(one)
    whole = record(rows, f"python -m tests.bench.prepare {source} {out}")
    Path(out).write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
