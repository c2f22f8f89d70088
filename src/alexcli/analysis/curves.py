"""Figure 1 for any runs: error against epochs, steps or time, and when it crosses a threshold."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from alexcli.analysis import worded
from alexcli.errors import UsageError
from alexcli.results import Analysis, Panel
from alexcli.schema import AnalyzeSpec

AGAINST = {"epoch": "epochs", "step": "updates", "time": "seconds of training"}
SPLITS = {"val": "validation", "train_eval": "training", "train": "running training"}
# Where a run is and how it is carried out, which do not tell it from its seeds.
ASIDE = ("seed", "runs", "placement.", "logger.", "data.root", "data.workers", "trainer.threads")
History = tuple[str, dict[str, Any], list[dict[str, Any]]]


def run(spec: AnalyzeSpec, histories: Sequence[History]) -> Analysis:
    """Draw runs that differ in their seeds alone as one band.

    Args:
        spec: `split`, `against`, `threshold`.
        histories: of each run its label, its flat configuration and the lines of metrics.jsonl.

    Raises:
        UsageError: a word that is none of those allowed, or a split that no run measured.
    """
    for key, value, allowed in (("against", spec.against, AGAINST), ("split", spec.split, SPLITS)):
        if value not in allowed:
            raise UsageError.of(
                "analyze.choice", key=key, value=value, known=allowed, first=next(iter(allowed))
            )
    unit, what = AGAINST[spec.against], SPLITS[spec.split]
    lines: dict[str, Any] = {}
    rows: list[list[Any]] = []
    for name, members in _grouped(histories).items():
        passes = [[row for row in member if row["split"] == spec.split] for member in members]
        if not all(passes):
            raise UsageError.of("analyze.no_split", name=name, spec=spec)
        whole = min(map(len, passes))  # the epochs that all seeds have
        y = np.array([[row["top1_err"] for row in one[:whole]] for one in passes])
        x = np.array([[row[spec.against] for row in one[:whole]] for one in passes])
        lines[name] = {"x": x.mean(0), "y": y.mean(0), "low": y.min(0), "high": y.max(0)}
        crossed = [crossing(*pair, spec.threshold) for pair in zip(x, y, strict=True)]
        times = [time for time in crossed if time is not None]
        mean = float(np.mean(times)) if times else None
        first = rows[0][5] if rows else mean
        ratio = mean / first if mean and first else None
        last, lowest = float(y[:, -1].mean()), float(y.min())
        spread = float(y[:, -1].std(ddof=1)) if len(y) > 1 else None
        rows.append([name, len(y), last, spread, lowest, mean, ratio, f"{len(times)} of {len(y)}"])
    level = (spec.threshold, f"threshold {spec.threshold:g}")
    panel = Panel("lines", "", lines, unit, f"top-1 {what} error, fraction", level=level)
    known = {"spec": spec, "what": what, "unit": unit, "count": len(histories)}
    return worded("curves", [rows], known | {"runs": ", ".join(lines)}, [panel])


def _grouped(histories: Sequence[History]) -> dict[str, list[list[dict[str, Any]]]]:
    """Runs by their label and by what tells them apart besides the seed."""
    configs = [
        {k: v for k, v in config.items() if not k.startswith(ASIDE)} for _, config, _ in histories
    ]
    keys = dict.fromkeys(key for config in configs for key in config)
    differing = [key for key in keys if len({str(config.get(key)) for config in configs}) > 1]
    groups: dict[str, list[list[dict[str, Any]]]] = {}
    for (label, _, rows), config in zip(histories, configs, strict=True):
        words = [f"{key}={config.get(key)}" for key in differing if key != "label"]
        groups.setdefault(" ".join([label, *words[:4]]), []).append(rows)
    return groups


def crossing(x: Any, y: Any, threshold: float) -> float | None:
    """Where a curve first falls to a threshold, by a straight line between two passes."""
    i = int(np.argmax(y <= threshold))
    if y[i] > threshold:
        return None
    back = (threshold - y[i]) / (y[i - 1] - y[i]) if i else 0
    return float(x[i] - (x[i] - x[i - 1]) * back)
