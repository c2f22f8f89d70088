"""Tables 1 and 2 of the paper, and its Fall 2009 numbers, with the authors' notes and ours."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from alexcli.results import Table

# Fractions: top-1, top-5 as the table's split has them, and top-5 on the contest's hidden test set.
Numbers = tuple[float | None, float | None, float | None]
NONE: Numbers = (None, None, None)
NETS = ("ilsvrc2012", "ilsvrc2012_145", "five")  # labels of a net trained on ILSVRC-2012 alone
TUNED = ("finetune_2011", "seven")  # and of one pre-trained on Fall 2011

# Title, split, and rows: model, the paper's numbers, the lab notes', and of which runs ours are the
# evaluation: how many of which labels.
TABLES: list[tuple[str, str, list[tuple[str, Numbers, Numbers, dict[tuple[str, ...], int]]]]] = [
    (
        "Table 1: ILSVRC-2010, test",
        "test",
        [
            ("Sparse coding", (0.471, 0.282, None), NONE, {}),
            ("SIFT + FVs", (0.457, 0.257, None), NONE, {}),
            ("CNN", (0.375, 0.170, None), (0.374727, 0.169987, None), {("ilsvrc2010",): 1}),
        ],
    ),
    (
        "Table 2: ILSVRC-2012, validation",
        "val",
        [
            ("SIFT + FVs", (None, None, 0.262), NONE, {}),
            ("1 CNN", (0.407, 0.182, None), (0.40664, 0.18210, None), {NETS: 1}),
            ("5 CNNs", (0.381, 0.164, 0.164), NONE, {NETS: 5}),
            ("1 CNN*", (0.390, 0.166, None), (0.38990, 0.16622, None), {TUNED: 1}),
            ("7 CNNs*", (0.367, 0.154, 0.153), NONE, {NETS: 5, TUNED: 2}),
        ],
    ),
    (
        "Section 6: ImageNet Fall 2009, 10,184 classes, half of it",
        "val",
        [
            ("best published before", (0.781, 0.609, None), NONE, {}),
            ("CNN, six convolutions", (0.674, 0.409, None), NONE, {("fall2009",): 1}),
        ],
    ),
]


def run(evaluations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Put evaluations beside the published numbers.

    Args:
        evaluations: as `eval --format json` gives them; ten-crop ones of runs with the labels of
            the shipped experiments count.

    Returns:
        `[{title, split, rows: [{model, paper: {top1_err, top5_err, test_top5_err}, notes: {...},
        ours: {...}, ours_n}]}]`, errors as fractions; ours are means over `ours_n` evaluations.
    """
    tables = []
    for title, split, rows in TABLES:
        made = []
        for model, paper, notes, wanted in rows:
            found = [e for e in evaluations if wanted and _is(e, split, wanted)]
            made.append(
                {
                    "model": model,
                    "paper": _named(paper),
                    "notes": _named(notes),
                    "ours": _named((_mean(found, "top1_err"), _mean(found, "top5_err"), None)),
                    "ours_n": len(found),
                }
            )
        tables.append({"title": title, "split": split, "rows": made})
    return tables


def _is(evaluation: Mapping[str, Any], split: str, wanted: Mapping[tuple[str, ...], int]) -> bool:
    """Whether an evaluation is of ten views, on the split, of just so many nets of each kind."""
    if evaluation["split"] != split or evaluation["protocol"]["views"] != 10:
        return False
    members = evaluation.get("members") or [evaluation["name"]]
    labels = Counter(str(name).split("/")[0] for name in members)
    kinds = {kind: sum(labels[label] for label in kind) for kind in wanted}
    return kinds == wanted and sum(kinds.values()) == len(members)


def _mean(found: Sequence[Mapping[str, Any]], key: str) -> float | None:
    values = [e[key] for e in found if e[key] is not None]
    return sum(values) / len(values) if values else None


def _named(numbers: Numbers) -> dict[str, float | None]:
    return dict(zip(("top1_err", "top5_err", "test_top5_err"), numbers, strict=True))


def table(found: Mapping[str, Any]) -> Table:
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
