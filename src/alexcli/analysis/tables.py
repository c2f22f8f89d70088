"""Tables 1 and 2 of the paper, and its Fall 2009 numbers, with the authors' notes and ours."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from alexcli.analysis import read_yaml
from alexcli.results import Analysis, Table

KEYS = ("top1_err", "top5_err", "test_top5_err")


def run(evaluations: Sequence[Mapping[str, Any]]) -> Analysis:
    """Put evaluations beside the published numbers.

    Args:
        evaluations: as `eval --format json` gives them; ten-crop ones of runs with the labels of
            the shipped experiments count.

    Returns:
        Its data: `[{title, split, rows: [{model, paper: {top1_err, top5_err, test_top5_err}, notes:
        {...}, ours: {...}, ours_n}]}]`, errors as fractions; ours are means over `ours_n`.
    """
    data = []
    for one in read_yaml("published")["tables"]:
        made = []
        for row in one["rows"]:
            wanted = row.get("ours", {})
            found = [e for e in evaluations if wanted and _is(e, one["split"], wanted)]
            ours = [_mean(found, "top1_err"), _mean(found, "top5_err"), None]
            made.append(
                {
                    "model": row["model"],
                    "paper": dict(zip(KEYS, row["paper"], strict=True)),
                    "notes": dict(zip(KEYS, row.get("notes", [None] * 3), strict=True)),
                    "ours": dict(zip(KEYS, ours, strict=True)),
                    "ours_n": len(found),
                }
            )
        data.append({"title": one["title"], "split": one["split"], "rows": made})
    return Analysis("Tables of the paper", [_table(one) for one in data], data=data)


def _is(evaluation: Mapping[str, Any], split: str, wanted: Mapping[str, int]) -> bool:
    """Whether an evaluation is of ten views, on the split, of just so many nets of each kind."""
    if evaluation["split"] != split or evaluation["protocol"]["views"] != 10:
        return False
    members = evaluation.get("members") or [evaluation["name"]]
    labels = Counter(str(name).split("/")[0] for name in members)
    known = read_yaml("published")["labels"]
    kinds = {kind: sum(labels[label] for label in known[kind]) for kind in wanted}
    return kinds == wanted and sum(kinds.values()) == len(members)


def _mean(found: Sequence[Mapping[str, Any]], key: str) -> float | None:
    values = [e[key] for e in found if e[key] is not None]
    return sum(values) / len(values) if values else None


def _table(found: Mapping[str, Any]) -> Table:
    """One of the tables for people; blank where there is no number."""
    columns = ["model", "top-1", "top-5", "test", "notes-1", "notes-5", "ours-1", "ours-5", "n"]
    rows = []
    for row in found["rows"]:
        numbers = [*row["paper"].values(), *list(row["notes"].values())[:2]]
        numbers += list(row["ours"].values())[:2]
        shown = ["" if x is None else f"{100 * x:.{_digits(i)}f}%" for i, x in enumerate(numbers)]
        rows.append([row["model"], *shown, row["ours_n"] or ""])
    note = (
        "* pre-trained on ImageNet Fall 2011; test: top-5 on the contest's hidden set; notes: the "
        "authors' lab notes; ours: top-1 and top-5 of n evaluations under --results, ten crops"
    )
    return Table(found["title"], columns, rows, note=note)


def _digits(column: int) -> int:
    """The paper gives one decimal; the notes and ours have two."""
    return 1 if column < 3 else 2
