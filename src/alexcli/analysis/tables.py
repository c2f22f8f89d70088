"""Tables 1 and 2 of the paper, and its Fall 2009 numbers, with the authors' notes and ours."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from alexcli.analysis.published import published
from alexcli.records.analysis import Analysis
from alexcli.tables import Table

ERRORS = ("top1_err", "top5_err", "test_top5_err")
"""The three numbers of a published row; the last is on the contest's hidden test set."""
PAPER_DIGITS = 1
"""Decimals of the paper's errors in percent."""
OTHER_DIGITS = 2
"""Decimals of the lab notes' errors, and of ours."""
OTHER_COLUMNS = ("notes-1", "notes-5", "ours-1", "ours-5")
NOTE = (
    "* pre-trained on ImageNet Fall 2011; test: top-5 on the contest's hidden test set; notes: the "
    "authors' lab notes; ours: top-1 and top-5 of n evaluations under --results, ten crops"
)


def run(evaluations: Sequence[Mapping[str, Any]]) -> Analysis:
    """Put evaluations beside the published numbers.

    Args:
        evaluations: as `eval --format json` gives them; ten-crop evaluations of runs with the
            labels of the shipped experiments count.

    Returns:
        Its data: `[{title, split, rows: [{model, paper: {top1_err, top5_err, test_top5_err}, notes:
        {...}, ours: {...}, ours_n}]}]`. Errors are fractions, ours are means over `ours_n`.
    """
    data = [
        {
            "title": section["title"],
            "split": section["split"],
            "rows": [_row(row, section["split"], evaluations) for row in section["rows"]],
        }
        for section in published("tables")
    ]
    return Analysis("Tables of the paper", [_table(section) for section in data], data=data)


def _row(
    row: Mapping[str, Any], split: str, evaluations: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """A published row, and the mean of the evaluations that are comparable to it."""
    comparable: list[Mapping[str, Any]] = []
    if "ours" in row:
        comparable = [
            evaluation
            for evaluation in evaluations
            if _is_comparable(evaluation, split, row["ours"])
        ]
    ours = [_mean(comparable, "top1_err"), _mean(comparable, "top5_err"), None]
    return {
        "model": row["model"],
        "paper": dict(zip(ERRORS, row["paper"], strict=True)),
        "notes": dict(zip(ERRORS, row.get("notes", [None] * 3), strict=True)),
        "ours": dict(zip(ERRORS, ours, strict=True)),
        "ours_n": len(comparable),
    }


def _is_comparable(
    evaluation: Mapping[str, Any], split: str, nets_of_kind: Mapping[str, int]
) -> bool:
    """Whether an evaluation uses ten views, this split, and exactly these numbers of nets.

    Args:
        evaluation: a row of `eval --format json`.
        split: the split of the published row.
        nets_of_kind: kind (see `labels` in published.yaml) -> number of nets.
    """
    if evaluation["split"] != split or evaluation["protocol"]["views"] != 10:
        return False
    members = evaluation.get("members") or [evaluation["name"]]
    nets_of_label = Counter(str(name).split("/")[0] for name in members)
    labels = published("labels")
    counts = {kind: sum(nets_of_label[label] for label in labels[kind]) for kind in nets_of_kind}
    return counts == nets_of_kind and sum(counts.values()) == len(members)


def _mean(evaluations: Sequence[Mapping[str, Any]], key: str) -> float | None:
    values = [row[key] for row in evaluations if row[key] is not None]
    return sum(values) / len(values) if values else None


def _table(section: Mapping[str, Any]) -> Table:
    """A section, in percent for people and as fractions for csv."""
    exact_rows = [_exact_row(row) for row in section["rows"]]
    rows = [
        {
            **row,
            **{name: _percent(row[name], PAPER_DIGITS) for name in ("top-1", "top-5", "test")},
            **{name: _percent(row[name], OTHER_DIGITS) for name in OTHER_COLUMNS},
            "n": row["n"] or "",
        }
        for row in exact_rows
    ]
    title = section["title"]
    return Table.from_records(title, rows, NOTE, exact=Table.from_records(title, exact_rows))


def _exact_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a section; None where there is no error."""
    return {
        "model": row["model"],
        "top-1": row["paper"]["top1_err"],
        "top-5": row["paper"]["top5_err"],
        "test": row["paper"]["test_top5_err"],
        "notes-1": row["notes"]["top1_err"],
        "notes-5": row["notes"]["top5_err"],
        "ours-1": row["ours"]["top1_err"],
        "ours-5": row["ours"]["top5_err"],
        "n": row["ours_n"],
    }


def _percent(error: float | None, digits: int) -> str:
    """A fraction in percent; blank if there is none."""
    return "" if error is None else f"{error:.{digits}%}"
