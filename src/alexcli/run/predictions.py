"""What nets said of every picture: per class, the pairs they confuse, arrays of it; how sure an
error is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from alexcli.results import Evaluation, Interval, Predictions

CONFUSED = 3  # most confused classes named in a row of the per-class table


def wilson(error: float, n: int) -> Interval:
    """Wilson's score interval of a fraction of n, 95%."""
    from scipy.stats import binomtest

    found = binomtest(round(error * n), n).proportion_ci(0.95, method="wilson")
    return Interval(0.95, float(found.low), float(found.high))


def confusion(found: Predictions, classes: int) -> npt.NDArray[np.int64]:
    """(K, K) counts: row the label, column the best guess."""
    pairs = found.labels * classes + found.top[:, 0]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def per_class(
    found: Predictions, classes: Sequence[str], names: Sequence[str]
) -> list[dict[str, Any]]:
    """Error of each class and what it is taken for most often; see EvalResult.per_class."""
    rows = []
    order = np.argsort(found.labels, kind="stable")
    bounds = np.searchsorted(found.labels[order], np.arange(len(classes) + 1))
    for label, (name, shown) in enumerate(zip(classes, names, strict=True)):
        guesses = found.top[order[bounds[label] : bounds[label + 1]], 0]
        wrong = guesses != label
        taken, counts = np.unique(guesses[wrong], return_counts=True)
        most = np.lexsort((taken, -counts))[:CONFUSED]
        row: dict[str, Any] = {"class": name, "name": shown, "n": len(guesses)}
        row["top1_err"] = float(wrong.mean()) if len(guesses) else None
        row["confused"] = [{"with": classes[taken[i]], "n": int(counts[i])} for i in most]
        rows.append(row)
    return rows


def arrays(evaluation: Evaluation) -> dict[str, Any]:
    """What predictions.npz holds.

    `id` (n,), `label` (n,), `classes` (K,), and by row of the results `row` (R,), `top` (R, n, 5),
    `top_p` (R, n, 5) and, where asked for, `probabilities` (R, n, K).
    """
    found = evaluation.predictions
    held: dict[str, Any] = {
        "id": np.asarray(evaluation.ids),
        "label": found[0].labels,
        "classes": np.asarray(evaluation.classes),
        "row": np.asarray([f"{r.name}, {r.protocol['views']} views" for r in evaluation.results]),
        "top": np.stack([one.top for one in found]),
        "top_p": np.stack([one.top_p for one in found]),
    }
    kept = [one.probabilities for one in found if one.probabilities is not None]
    return held | ({"probabilities": np.stack(kept)} if kept else {})
