"""Several gloo processes against one, tensor by tensor."""

import functools
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from alexcli.analysis import traffic
from alexcli.config import compose
from alexcli.placement.single import Single
from alexcli.placement.split import Split
from alexcli.schema import AnalyzeSpec
from tests.placement.worker import CASES, TRAFFIC, TRAFFIC_BATCH, Case, train

ROOT = Path(__file__).parents[2]


def _run(folder: Path) -> None:
    """Start a group of two processes and one of four, each for all of its cases."""
    running = []
    for size in sorted({case.processes for case in CASES}):
        for rank in range(size):
            here = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size}
            environ = {
                **os.environ,
                **{name: str(value) for name, value in here.items()},
                "ALEXCLI_MEETING": str(folder / f"meeting{size}"),
                "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
                "OMP_NUM_THREADS": "1",
            }
            words = [sys.executable, "-m", "tests.placement.worker", str(folder)]
            running.append(subprocess.Popen(words, env=environ, stderr=subprocess.PIPE))
    for child in running:
        _, err = child.communicate(timeout=300)
        assert child.returncode == 0, err.decode()


def _merged(folder: Path, case: Case) -> dict[str, Any]:
    """All towers of the first replica; the other replicas must have the same bits."""
    parts = [torch.load(folder / f"{case.name}.{rank}.pt") for rank in range(case.processes)]
    apart = case.towers if case.kind == "ranks" else 1
    whole: dict[str, Any] = {"grads": {}, "weights": {}, "losses": parts[0]["losses"]}
    for rank, part in enumerate(parts):
        assert torch.equal(part["losses"], whole["losses"])
        for what in ("grads", "weights"):
            if rank >= apart:
                first = parts[rank % apart][what]
                assert all(torch.equal(part[what][name], first[name]) for name in first)
            whole[what] |= part[what]
    return whole


def _distance(ours: Tensor, theirs: Tensor) -> float:
    scale = float(theirs.double().norm())
    return float((ours.double() - theirs.double()).norm()) / (scale or 1.0)


@functools.cache
def _single(case: Case) -> Any:
    return train(case, Single(torch.device("cpu"), case.towers))


def _check(case: Case, ours: dict[str, Any]) -> None:
    """Norm-relative, per tensor: 1e-10 in float64, 1e-5 in the first step of float32."""
    theirs = _single(replace(case, kind="single", processes=1))
    assert theirs["losses"].std() > 1e-3  # it learns something
    assert ours["grads"].keys() == theirs["grads"].keys()
    assert ours["weights"].keys() == theirs["weights"].keys()
    if case.dtype == "float32":
        assert _distance(ours["losses"][0], theirs["losses"][0]) < 1e-5
        compared, limit = ("grads",), 1e-5
    else:
        assert _distance(ours["losses"], theirs["losses"]) < 1e-10
        compared, limit = ("grads", "weights"), 1e-10
    for what in compared:
        for name, tensor in theirs[what].items():
            assert tensor.norm() > 0, name
            assert _distance(ours[what][name], tensor) < limit, (what, name)


def test_many_processes_match_one(tmp_path: Path) -> None:
    """Every case in one test, because starting processes takes longer than the cases."""
    _run(tmp_path)
    for case in CASES:
        _check(case, _merged(tmp_path, case))
    _check_bytes(tmp_path)
    for rank in (0, 1):  # every rank refuses another model, and names the same difference
        refused = (tmp_path / f"refused.{rank}.txt").read_text()
        assert refused == "rank 1 has model.width=1.0, and rank 0 has model.width=0.5"


def _check_bytes(folder: Path) -> None:
    """The kernel's count of what two processes sent, against `analyze traffic`; 2% for headers."""
    wanted = ["traffic.devices=[2]", f"traffic.batches=[{TRAFFIC_BATCH}]"]
    rows = traffic.run(compose([*TRAFFIC, *wanted], AnalyzeSpec)).data["rows"]
    (two,) = (row for row in rows if row["placement"] == "2 towers")
    parts = [json.loads((folder / f"bytes.{rank}.json").read_text()) for rank in (0, 1)]
    for phase in ("forward", "backward"):
        counted = sum(part[phase] for part in parts)
        assert two[phase] > 100_000
        assert two[phase] <= counted < 1.02 * two[phase], phase


SPLIT = [case for case in CASES if case.processes == case.towers and case.kind == "ranks"]


@pytest.mark.parametrize("case", SPLIT, ids=lambda case: case.name)
def test_split_matches_single(case: Case) -> None:
    _check(case, train(case, Split([torch.device("cpu")] * case.towers)))  # type: ignore[arg-type]


def test_a_mask_depends_on_the_place_in_the_global_batch() -> None:
    """Without the row of its first picture, the second replica would drop other units."""
    case = next(c for c in CASES if c.dropout and c.processes == 4)
    single = Single(torch.device("cpu"), case.towers)
    right = train(case, single)["losses"]
    single.share = lambda rows: (0, rows - 1)  # type: ignore[method-assign]
    assert not torch.equal(right, train(case, single)["losses"])  # type: ignore[arg-type]
