"""The paper's last proposal: short binary codes by an auto-encoder, and search by their distance.

Legend: N pictures that are searched, Q looked up, U units, B bits.
"""

import time
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexcli.analysis import Subject, worded
from alexcli.analysis.neighbors import check_count
from alexcli.errors import UsageError
from alexcli.model.towers import find_layer
from alexcli.results import Analysis, Panel
from alexcli.schema import AnalyzeSpec

HIDDEN, EPOCHS, BATCH, RATE = 256, 15, 128, 1e-3  # of the auto-encoder; Adam
FIRST = 100  # candidates by Hamming distance among which neighbours are looked for
QUERIES = 200
Bytes = npt.NDArray[np.uint8]
ONES = np.array([bin(byte).count("1") for byte in range(256)], dtype=np.uint8)


def run(spec: AnalyzeSpec, subject: Subject) -> Analysis:
    """Learn codes of each length from most of a sample, and look the others up.

    Args:
        spec: `bits`, `nearest`, `sample`, and `layer`; null for the last hidden one.
        subject: the net and its training set.

    Raises:
        UsageError: no such layer, too few pictures, or lengths that are no whole bytes.
    """
    if not spec.bits or any(bits < 8 or bits % 8 for bits in spec.bits):
        raise UsageError.of("analyze.bits", spec=spec)
    training, k = subject.training(), spec.nearest
    layer = find_layer(subject.net, spec.layer, hidden=True).name
    order = np.random.default_rng(0).permutation(len(training))[: spec.sample]
    count = max(1, min(QUERIES, len(order) // 5))
    check_count(k, len(order) - count)
    batches = subject.stream(training.part(order))
    every = torch.cat([subject.features(batch.images, layer) for batch in batches]).cpu()
    base, queries = every[count:], every[:count]
    began = time.perf_counter()
    near = [torch.cdist(q, base).topk(k, largest=False).indices for q in queries[:, None]]
    exact, units = torch.cat(near).numpy(), base.shape[1]
    took = 1e3 * (time.perf_counter() - began) / count
    rows: list[list[Any]] = [["exact", 4 * units, 1.0, 1.0, None, took]]
    every = (every - base.mean(dim=0)) / base.std(dim=0).clamp_min(1e-6)
    for bits in spec.bits:
        drawn = torch.randn(units, bits, generator=torch.Generator().manual_seed(bits))
        found = []
        for values in (encoder(every[count:], bits)(every), every @ drawn):
            codes = np.packbits((values > 0).numpy(), axis=1)
            found.append(_recall(codes[count:], codes[:count], exact))
        (close, wide, took), (_, chance, _) = found
        rows.append([f"{bits} bits", bits // 8, close, wide, chance, took])
    recall = {
        name: {"x": spec.bits, "y": [row[column] for row in rows[1:]]}
        for name, column in (("auto-encoder", 3), ("random directions", 4))
    }
    level = (min(1.0, FIRST / len(base)), "pictures in any order")
    axes = ("bits of a code", f"exact neighbours among the first {FIRST}, fraction")
    panel = Panel("lines", "", recall, *axes, level=level)
    known = {"subject": subject, "spec": spec, "layer": layer, "units": units, "first": FIRST}
    known |= {"count": len(base), "queries": count}
    return worded("codes", [rows], known, [panel])


def encoder(x: Tensor, bits: int) -> Any:
    """Learn (N, U) -> (N, B) whose signs are the code; the decoder sees nothing but signs.

    Balanced by batch norm, so that each bit splits the pictures; the sign's gradient is that of
    tanh (straight through).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(bits)
        units = x.shape[1]
        there = nn.Sequential(nn.Linear(units, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, bits))
        there.append(nn.BatchNorm1d(bits, affine=False))
        back = nn.Sequential(nn.Linear(bits, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, units))
        adam = torch.optim.Adam([*there.parameters(), *back.parameters()], RATE)
        for _ in range(EPOCHS):
            for rows in torch.split(torch.randperm(len(x)), BATCH):
                if len(rows) > 1:  # batch norm
                    soft = torch.tanh(there(x[rows]))
                    code = soft + (soft.sign() - soft).detach()
                    adam.zero_grad()
                    F.mse_loss(back(code), x[rows]).backward()  # type: ignore[no-untyped-call]
                    adam.step()
    there.eval()
    return torch.no_grad()(there)


def _recall(base: Bytes, queries: Bytes, exact: Any) -> tuple[float, float, float]:
    """Fraction of exact neighbours among as many first, and the first FIRST; ms of a query."""
    began, close, wide = time.perf_counter(), 0, 0
    for query, wanted in zip(queries, exact, strict=True):
        distances = ONES[base ^ query].sum(axis=1, dtype=np.uint16)
        near = np.argpartition(distances, min(FIRST, len(base)) - 1)[:FIRST]
        near = near[np.argsort(distances[near], kind="stable")]
        wide += int(np.isin(near, wanted).sum())
        close += int(np.isin(near[: len(wanted)], wanted).sum())
    took = 1e3 * (time.perf_counter() - began) / len(queries)
    return close / exact.size, wide / exact.size, took
