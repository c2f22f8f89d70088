"""The confusions of a net: counts, a row per class, and arrays of all predictions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alexcli.errors import plural
from alexcli.records.evaluation import Evaluation, Predictions

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MOST_CONFUSED = 3  # classes named in a row of the per-class table


def confusion_matrix(predictions: Predictions, classes: int) -> "npt.NDArray[np.int64]":
    """Count images by their label and their best prediction.

    Args:
        predictions: the best predictions for every image, with labels.
        classes: number of classes K.

    Returns:
        (K, K) int64: row the label, column the best prediction.
    """
    import numpy as np

    pairs = predictions.labels * classes + predictions.top[:, 0]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def per_class_rows(
    predictions: Predictions, classes: Sequence[str], names: Sequence[str]
) -> list[dict[str, Any]]:
    """The error of each class and the classes it is most confused with.

    Args:
        predictions: the best predictions for every image, with labels.
        classes: the classes as the data names them, in the order of the net's outputs.
        names: their names for people, in the same order.

    Returns:
        For each class in order, `{class, name, n, top1_err, confused: [{with, n}]}`; `top1_err` is
        None for a class without images.
    """
    import numpy as np

    rows: list[dict[str, Any]] = []
    order = np.argsort(predictions.labels, kind="stable")
    bounds = np.searchsorted(predictions.labels[order], np.arange(len(classes) + 1))
    for label, (class_, name) in enumerate(zip(classes, names, strict=True)):
        images = order[bounds[label] : bounds[label + 1]]
        best = predictions.top[images, 0]
        wrong = best != label
        rows.append(
            {
                "class": class_,
                "name": name,
                "n": len(images),
                "top1_err": float(wrong.mean()) if len(images) else None,
                "confused": _most_confused(best[wrong], classes),
            }
        )
    return rows


def _most_confused(
    wrong_predictions: "npt.NDArray[np.int64]", classes: Sequence[str]
) -> list[dict[str, Any]]:
    """The most frequent wrong predictions, `{with, n}`; ties are in the order of the outputs."""
    import numpy as np

    predicted, counts = np.unique(wrong_predictions, return_counts=True)
    most = np.lexsort((predicted, -counts))[:MOST_CONFUSED]
    return [{"with": classes[predicted[i]], "n": int(counts[i])} for i in most]


def prediction_arrays(evaluation: Evaluation) -> dict[str, Any]:
    """The arrays of predictions.npz, by name.

    `id` (n,), `label` (n,), `classes` (K,), and by row of the results `row` (R,), `top` (R, n, 5),
    `top_p` (R, n, 5) and, if requested, `probabilities` (R, n, K).
    """
    import numpy as np

    rows = evaluation.predictions
    arrays: dict[str, Any] = {
        "id": np.asarray(evaluation.ids),
        "label": rows[0].labels,
        "classes": np.asarray(evaluation.classes),
        "row": np.asarray(
            [
                f"{result.name}, {plural(result.protocol['views'], 'view')}"
                for result in evaluation.results
            ]
        ),
        "top": np.stack([predictions.top for predictions in rows]),
        "top_p": np.stack([predictions.top_p for predictions in rows]),
    }
    probabilities = [
        predictions.probabilities for predictions in rows if predictions.probabilities is not None
    ]
    if probabilities:
        arrays["probabilities"] = np.stack(probabilities)
    return arrays
