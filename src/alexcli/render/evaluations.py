"""What alexcli eval and alexcli predict show: errors, classes, guesses."""

from collections.abc import Sequence
from dataclasses import asdict

from alexcli.render.tables import percent
from alexcli.results import Analysis, Evaluation, Panel, Prediction, Table
from alexcli.run.predictions import arrays, confusion

MOST = 50  # classes whose names can still be read in a picture
COLUMNS = ["run", "top-1 error", "95% interval", "top-5 error", "loss", "ECE", "n", "views"]
EXACT = ["name", "split", "top1_err", "top1_low", "top1_high", "top5_err", "loss", "n"]
EXACT += ["calibration_error", "resize", "crop", "views", "checkpoint", "data"]


def errors(evaluation: Evaluation) -> Analysis:
    """The errors; what all rows share stands below."""
    found, rows, exact = evaluation.results, [], []
    for one in found:
        bounds = one.interval["top1_err"]
        assert bounds is not None
        known = vars(one) | one.protocol | {"top1_low": bounds.low, "top1_high": bounds.high}
        exact.append([known[name] for name in EXACT])
        interval = f"{percent(bounds.low)} to {percent(bounds.high)}"
        shown = [one.name, percent(one.top1_err), interval, percent(one.top5_err)]
        rest = [percent(one.calibration_error), one.n, f"{known['views']} x {known['crop']} px"]
        rows.append([*shown, round(one.loss, 4), *rest])
    notes = [
        *(f"resize: {rule}" for rule in dict.fromkeys(one.protocol["resize"] for one in found)),
        f"data: {', '.join(dict.fromkeys(one.data for one in found))}",
        "interval: Wilson, of top-1; ECE: expected calibration error, 15 bins",
        *dict.fromkeys(one.note for one in found if one.note),
    ]
    title = f"evaluation on {found[0].split}"
    for_csv = Table(title, EXACT, exact)
    table = Table(title, COLUMNS, rows, note="; ".join(notes), exact=for_csv)
    data = [asdict(one) for one in found]
    return Analysis(title, [table], data=data, arrays=arrays(evaluation))


def classes(found: Evaluation) -> Analysis:
    """Each class of the last row, the worst first for people, and its confusion as a picture."""
    last, exact, pairs = found.results[-1], [], []
    for one in last.per_class or []:
        taken = [(other["n"], one["class"], other["with"]) for other in one["confused"]]
        pairs += taken
        words = "; ".join(f"{guess} ({n})" for n, _, guess in taken)
        exact.append([one["class"], one["name"], one["n"], one["top1_err"], words])
    named = found.names != found.classes
    rows = [
        [label, *[name] * named, n, percent(error), words]
        for label, name, n, error, words in sorted(exact, key=lambda row: -(row[3] or 0))
    ]
    most = sorted(pairs, key=lambda pair: -pair[0])[:5]
    note = ", ".join(f"{label} for {guess} ({n})" for n, label, guess in most)
    views = f"{last.protocol['views']} views"
    title = f"classes of {last.name}, {views}"
    for_csv = Table(title, ["class", "name", "n", "top1_err", "taken for"], exact)
    columns = ["class", *["name"] * named, "n", "top-1 error", "taken for"]
    note = f"most confused, label for guess: {note}"
    table = Table(title, columns, rows, note=note, exact=for_csv)
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
