"""Tables 1 and 2 of the paper, and its Fall 2009 numbers, with the authors' notes and ours."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from alexcli.analysis.published import published
from alexcli.records.analysis import Analysis
from alexcli.tables import Table

ERRORS = ("top1_err", "top5_err", "test_top5_err")
"""The three numbers of a published row; the last is on the contest's hidden test set."""
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
    """A section for people. The paper gives one decimal; the notes and ours have two."""
    rows = []
    for row in section["rows"]:
        paper = row["paper"]
        notes = row["notes"]
        ours = row["ours"]
        rows.append(
            {
                "model": row["model"],
                "top-1": _percent(paper["top1_err"], 1),
                "top-5": _percent(paper["top5_err"], 1),
                "test": _percent(paper["test_top5_err"], 1),
                "notes-1": _percent(notes["top1_err"], 2),
                "notes-5": _percent(notes["top5_err"], 2),
                "ours-1": _percent(ours["top1_err"], 2),
                "ours-5": _percent(ours["top5_err"], 2),
                "n": row["ours_n"] or "",
            }
        )
    return Table.from_records(section["title"], rows, NOTE)


def _percent(error: float | None, digits: int) -> str:
    """A fraction in percent; blank if there is none."""
    return "" if error is None else f"{error:.{digits}%}"
