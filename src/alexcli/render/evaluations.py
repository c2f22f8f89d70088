"""What alexcli eval and alexcli predict show: errors, classes, guesses."""

from collections.abc import Sequence
from dataclasses import asdict

from alexcli.render.tables import percent
from alexcli.results import Analysis, Evaluation, Panel, Prediction, Table
from alexcli.run.predictions import arrays, confusion

MOST = 50  # classes whose names can still be read in a picture
EXACT = ["name", "split", "top1_err", "top1_low", "top1_high", "top5_err", "loss", "n"]
EXACT += ["calibration_error", "resize", "crop", "views", "checkpoint", "data"]


def errors(evaluation: Evaluation) -> Analysis:
    """The errors; what all rows share stands below."""
    found, rows, exact = evaluation.results, [], []
    for one in found:
        bounds = one.interval["top1_err"]
        assert bounds is not None
        known = vars(one) | one.protocol | {"top1_low": bounds.low, "top1_high": bounds.high}
        exact.append({name: known[name] for name in EXACT})
        rows.append(
            {
                "run": one.name,
                "top-1 error": percent(one.top1_err),
                "95% interval": f"{percent(bounds.low)} to {percent(bounds.high)}",
                "top-5 error": percent(one.top5_err),
                "loss": round(one.loss, 4),
                "ECE": percent(one.calibration_error),
                "n": one.n,
                "views": f"{one.protocol['views']} x {one.protocol['crop']} px",
            }
        )
    notes = [
        *(f"resize: {rule}" for rule in dict.fromkeys(one.protocol["resize"] for one in found)),
        f"data: {', '.join(dict.fromkeys(one.data for one in found))}",
        "interval: Wilson, of top-1; ECE: expected calibration error, 15 bins",
        *dict.fromkeys(one.note for one in found if one.note),
    ]
    title = f"evaluation on {found[0].split}"
    table = Table.of(title, rows, "; ".join(notes), exact)
    data = [asdict(one) for one in found]
    return Analysis(title, [table], data=data, arrays=arrays(evaluation))


def classes(found: Evaluation) -> Analysis:
    """Each class of the last row, the worst first for people, and its confusion as a picture."""
    last = found.results[-1]
    exact = [
        {
            **{key: one[key] for key in ("class", "name", "n", "top1_err")},
            "taken for": "; ".join(f"{c['with']} ({c['n']})" for c in one["confused"]),
        }
        for one in last.per_class or []
    ]
    rows = []
    for one in sorted(exact, key=lambda row: -(row["top1_err"] or 0)):
        named = {"name": one["name"]} if found.names != found.classes else {}
        shown = {"top-1 error": percent(one["top1_err"]), "taken for": one["taken for"]}
        rows.append({"class": one["class"], **named, "n": one["n"], **shown})
    pairs = [(c["n"], e["class"], c["with"]) for e in last.per_class or [] for c in e["confused"]]
    most = sorted(pairs, key=lambda pair: -pair[0])[:5]
    note = ", ".join(f"{label} for {guess} ({n})" for n, label, guess in most)
    views = f"{last.protocol['views']} views"
    title = f"classes of {last.name}, {views}"
    table = Table.of(title, rows, f"most confused, label for guess: {note}", exact)
    panels = []
    if len(found.classes) <= MOST:
        counts = confusion(found.predictions[-1], len(found.classes))
        panels = [Panel("matrix", "", counts, "best guess", "label", columns=found.names)]
    return Analysis(f"{last.name}, {last.split}, {views}", [table], panels)


def guesses(found: Sequence[Prediction], title: str) -> Analysis:
    """The best guesses for each picture, as bars and as Figure 4 (left)."""
    data, rows = [], []
    for one in found:
        top = [{"class": best.class_, "name": best.name, "p": best.p} for best in one.guesses]
        data.append({"file": one.file, "label": one.label, "top": top})
        for rank, guess in enumerate(top, 1):
            rows.append({"file": one.file, "label": one.label, "rank": rank, **guess})
    table = Table.of("predictions", rows)
    return Analysis(title, [table], [Panel("guesses", "", found)], data=data)
