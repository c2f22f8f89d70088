"""Several gloo processes against one, tensor by tensor."""

import functools
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from alexcli.analysis import traffic
from alexcli.config.compose import compose
from alexcli.placement.environment import MEETING
from alexcli.placement.single import SinglePlacement
from alexcli.schema import AnalyzeSpec
from tests.placement.worker import CASES, TRAFFIC_BATCH, TRAFFIC_OVERRIDES, Case, train

ROOT = Path(__file__).parents[2]


def run_workers(folder: Path) -> None:
    """Start a group of two processes and one of four, each for all of its cases."""
    workers = [
        start_worker(folder, rank, size)
        for size in sorted({case.processes for case in CASES})
        for rank in range(size)
    ]
    for worker in workers:
        _, err = worker.communicate(timeout=300)
        assert worker.returncode == 0, err.decode()


def start_worker(folder: Path, rank: int, size: int) -> "subprocess.Popen[bytes]":
    """Start one process, with the variables that torchrun would set."""
    environ = {
        **os.environ,
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "LOCAL_WORLD_SIZE": str(size),
        MEETING: str(folder / f"meeting{size}"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "tests.placement.worker", str(folder)]
    return subprocess.Popen(command, env=environ, stderr=subprocess.PIPE)


def results_of(folder: Path, case: Case) -> dict[str, Any]:
    """All towers of the first replica; the other replicas must have the same bits."""
    parts = [torch.load(folder / f"{case.name}.{rank}.pt") for rank in range(case.processes)]
    per_replica = case.towers if case.kind == "distributed" else 1
    merged: dict[str, Any] = {"grads": {}, "weights": {}, "losses": parts[0]["losses"]}
    for rank, part in enumerate(parts):
        assert torch.equal(part["losses"], merged["losses"])
        for kind in ("grads", "weights"):
            if rank >= per_replica:
                first = parts[rank % per_replica][kind]
                assert all(torch.equal(part[kind][name], first[name]) for name in first)
            merged[kind].update(part[kind])
    return merged


def relative_distance(result: Tensor, expected: Tensor) -> float:
    """Norm of the difference, relative to the norm of what is expected."""
    scale = float(expected.double().norm())
    return float((result.double() - expected.double()).norm()) / (scale or 1.0)


@functools.cache
def single_results(case: Case) -> dict[str, Any]:
    return train(case, SinglePlacement(torch.device("cpu"), case.towers))


def check_against_single(case: Case, results: dict[str, Any]) -> None:
    """Norm-relative, per tensor: 1e-10 in float64, 1e-5 in the first step of float32."""
    expected = single_results(replace(case, kind="single", processes=1))
    assert expected["losses"].std() > 1e-3  # it learns something
    assert results["grads"].keys() == expected["grads"].keys()
    assert results["weights"].keys() == expected["weights"].keys()
    compared: tuple[str, ...]
    if case.dtype == "float32":
        assert relative_distance(results["losses"][0], expected["losses"][0]) < 1e-5
        compared = ("grads",)
        limit = 1e-5
    else:
        assert relative_distance(results["losses"], expected["losses"]) < 1e-10
        compared = ("grads", "weights")
        limit = 1e-10
    for kind in compared:
        for name, tensor in expected[kind].items():
            assert tensor.norm() > 0, name
            assert relative_distance(results[kind][name], tensor) < limit, (kind, name)


def test_distributed_matches_single_process(tmp_path: Path) -> None:
    """Every case in one test, because starting processes takes longer than the cases."""
    run_workers(tmp_path)
    for case in CASES:
        check_against_single(case, results_of(tmp_path, case))
    check_traffic(tmp_path)
    for rank in (0, 1):  # every rank refuses another model, and names the same difference
        refused = (tmp_path / f"refused.{rank}.txt").read_text()
        assert refused == "rank 1 has model.width=1.0, and rank 0 has model.width=0.5"


def check_traffic(folder: Path) -> None:
    """The kernel's count of what two processes sent, against `analyze traffic`; 2% for headers."""
    overrides = [*TRAFFIC_OVERRIDES, "traffic.devices=[2]", f"traffic.batches=[{TRAFFIC_BATCH}]"]
    rows = traffic.run(compose(overrides, AnalyzeSpec)).data["rows"]
    (computed,) = (row for row in rows if row["placement"] == "2 towers")
    parts = [json.loads((folder / f"bytes.{rank}.json").read_text()) for rank in (0, 1)]
    for phase in ("forward", "backward"):
        sent = sum(part[phase] for part in parts)
        assert computed[phase] > 100_000
        assert computed[phase] <= sent < 1.02 * computed[phase], phase


def test_a_dropout_mask_depends_on_the_place_in_the_global_batch() -> None:
    """Without the row of its first image, the second replica would drop other units."""
    case = next(case for case in CASES if case.dropout and case.processes == 4)
    placement = SinglePlacement(torch.device("cpu"), case.towers)
    expected = train(case, placement)["losses"]
    placement.share = lambda rows: (0, rows - 1)  # type: ignore[method-assign]
    assert not torch.equal(expected, train(case, placement)["losses"])
