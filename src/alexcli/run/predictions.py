"""What nets said of every picture: per class, the pairs they confuse, and arrays of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from alexcli.results import Evaluation, Predictions

CONFUSED = 3  # most confused classes named in a row of the per-class table


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
        taken, counts = np.unique(guesses[guesses != label], return_counts=True)
        most = np.lexsort((taken, -counts))[:CONFUSED]
        rows.append(
            {
                "class": name,
                "name": shown,
                "n": len(guesses),
                "top1_err": float((guesses != label).mean()) if len(guesses) else None,
                "confused": [{"with": classes[taken[i]], "n": int(counts[i])} for i in most],
            }
        )
    return rows


def arrays(evaluation: Evaluation) -> dict[str, Any]:
    """What predictions.npz holds.

    `id` (n,), `label` (n,), `classes` (K,), and by row of the results `row` (R,), `top` (R, n, 5),
    `top_p` (R, n, 5) and, where asked for, `probabilities` (R, n, K).
    """
    found = evaluation.predictions
    held: dict[str, Any] = {
        "id": np.asarray(found[0].ids),
        "label": found[0].labels,
        "classes": np.asarray(evaluation.classes),
        "row": np.asarray([f"{r.name}, {r.protocol['views']} views" for r in evaluation.results]),
        "top": np.stack([one.top for one in found]),
        "top_p": np.stack([one.top_p for one in found]),
    }
    kept = [one.probabilities for one in found if one.probabilities is not None]
    return held | ({"probabilities": np.stack(kept)} if kept else {})
