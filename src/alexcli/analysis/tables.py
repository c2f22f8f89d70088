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
    tables, data = [], []
    known = read_yaml("published")
    for one in known["tables"]:
        made, rows = [], []
        for row in one["rows"]:
            wanted = row.get("ours", {})
            found = [e for e in evaluations if wanted and _is(e, one["split"], wanted)]
            errors = {"paper": row["paper"], "notes": row.get("notes", [None] * 3)}
            errors["ours"] = [_mean(found, "top1_err"), _mean(found, "top5_err"), None]
            named = {of: dict(zip(KEYS, three, strict=True)) for of, three in errors.items()}
            made.append({"model": row["model"], **named, "ours_n": len(found)})
            # The paper gives one decimal; the notes and ours have two.
            shown = [_percent(error, 1) for error in errors["paper"]]
            shown += [_percent(error, 2) for of in ("notes", "ours") for error in errors[of][:2]]
            rows.append([row["model"], *shown, len(found) or ""])
        tables.append(Table(one["title"], known["columns"], rows, note=known["note"]))
        data.append({"title": one["title"], "split": one["split"], "rows": made})
    return Analysis("Tables of the paper", tables, data=data)


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


def _percent(error: float | None, digits: int) -> str:
    """Blank where there is no number."""
    return "" if error is None else f"{error:.{digits}%}"
