"""The output of `alexcli eval`: errors of nets, and errors of each class."""

from collections.abc import Sequence
from typing import Any

from alexcli.errors import plural
from alexcli.metrics.confusion import confusion_matrix, prediction_arrays
from alexcli.records.analysis import Analysis, MatrixPanel
from alexcli.records.evaluation import EvalResult, Evaluation, Interval
from alexcli.render.tables import percent
from alexcli.tables import Table

MOST_CLASSES_DRAWN = 50
"""Most classes whose names are readable in a drawn confusion matrix."""
MOST_CONFUSED = 5
"""Pairs of classes named in the note below the table of classes."""


def error_analysis(evaluation: Evaluation) -> Analysis:
    """A row of errors for each net and protocol; what all rows share is below the table."""
    results = evaluation.results
    title = f"evaluation on {results[0].split}"
    exact = Table.from_records(title, [_exact_row(result) for result in results])
    table = Table.from_records(
        title, [_row(result) for result in results], _note(results), exact=exact
    )
    return Analysis(
        title,
        [table],
        data=[result.as_json() for result in results],
        arrays=prediction_arrays(evaluation),
    )


def _row(result: EvalResult) -> dict[str, Any]:
    """A row for people; a new column is added here."""
    interval = _top1_interval(result)
    return {
        "run": result.name,
        "top-1 error": percent(result.top1_err),
        "95% interval": f"{percent(interval.low)} to {percent(interval.high)}",
        "top-5 error": percent(result.top5_err),
        "loss": round(result.loss, 4),
        "ECE": percent(result.calibration_error),
        "n": result.n,
        "views": f"{result.protocol['views']} x {result.protocol['crop']} px",
    }


def _exact_row(result: EvalResult) -> dict[str, Any]:
    """A row for csv."""
    interval = _top1_interval(result)
    return {
        "name": result.name,
        "split": result.split,
        "top1_err": result.top1_err,
        "top1_low": interval.low,
        "top1_high": interval.high,
        "top5_err": result.top5_err,
        "loss": result.loss,
        "n": result.n,
        "calibration_error": result.calibration_error,
        "resize": result.protocol["resize"],
        "crop": result.protocol["crop"],
        "views": result.protocol["views"],
        "checkpoint": result.checkpoint,
        "data": result.data,
        **result.extras,
    }


def _top1_interval(result: EvalResult) -> Interval:
    interval = result.interval["top1_err"]
    assert interval is not None  # only top-5 errors may be absent
    return interval


def _note(results: Sequence[EvalResult]) -> str:
    """What the rows share: the rule of resizing, the data, and what the columns mean."""
    resizes = dict.fromkeys(result.protocol["resize"] for result in results)
    fingerprints = dict.fromkeys(result.data for result in results)
    notes = dict.fromkeys(result.note for result in results if result.note)
    lines = [
        *(f"resize: {resize}" for resize in resizes),
        f"data: {', '.join(fingerprints)}",
        "interval: Wilson, of top-1; ECE: expected calibration error, 15 bins",
        *notes,
    ]
    return "; ".join(lines)


def class_analysis(evaluation: Evaluation) -> Analysis:
    """The errors of each class in the last row, with a confusion matrix if it can be read.

    Args:
        evaluation: with errors per class. For people the classes are sorted by error, largest
            first; csv keeps their order.
    """
    result = evaluation.results[-1]
    views = plural(result.protocol["views"], "view")
    title = f"classes of {result.name}, {views}"
    classes = result.per_class or []
    exact = Table.from_records(title, [_exact_class_row(row) for row in classes])
    worst_first = sorted(classes, key=lambda row: -(row["top1_err"] or 0))
    have_names = evaluation.names != evaluation.classes
    table = Table.from_records(
        title,
        [_class_row(row, with_name=have_names) for row in worst_first],
        f"most confused, label as prediction: {_most_confused(classes)}",
        exact=exact,
    )
    return Analysis(f"{result.name}, {result.split}, {views}", [table], [*_confusion(evaluation)])


def _class_row(row: dict[str, Any], *, with_name: bool) -> dict[str, Any]:
    """A class for people.

    Args:
        row: of EvalResult.per_class.
        with_name: whether the classes have readable names of their own.
    """
    name = {"name": row["name"]} if with_name else {}
    return {
        "class": row["class"],
        **name,
        "n": row["n"],
        "top-1 error": percent(row["top1_err"]),
        "most confused with": _confused_with(row),
    }


def _exact_class_row(row: dict[str, Any]) -> dict[str, Any]:
    """A class for csv."""
    return {
        "class": row["class"],
        "name": row["name"],
        "n": row["n"],
        "top1_err": row["top1_err"],
        "most confused with": _confused_with(row),
    }


def _confused_with(row: dict[str, Any]) -> str:
    return "; ".join(f"{other['with']} ({other['n']})" for other in row["confused"])


def _most_confused(classes: Sequence[dict[str, Any]]) -> str:
    """The pairs of classes that are confused most often."""
    pairs = [
        (other["n"], f"{row['class']} as {other['with']}")
        for row in classes
        for other in row["confused"]
    ]
    pairs.sort(key=lambda pair: -pair[0])
    return ", ".join(f"{pair} ({n})" for n, pair in pairs[:MOST_CONFUSED])


def _confusion(evaluation: Evaluation) -> list[MatrixPanel]:
    """The confusion matrix of the last row, if its classes can still be read."""
    classes = len(evaluation.classes)
    if classes > MOST_CLASSES_DRAWN:
        return []
    counts = confusion_matrix(evaluation.predictions[-1], classes)
    return [MatrixPanel(counts, evaluation.names, x_label="prediction", y_label="label")]
