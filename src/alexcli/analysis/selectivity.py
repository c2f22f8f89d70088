"""Section 6.1 for several runs: how often one tower takes the colour."""

from collections.abc import Iterable
from typing import Any

from alexcli.analysis import filters
from alexcli.analysis.subject import Subject
from alexcli.errors import UsageError, plural
from alexcli.records.analysis import Analysis, TilesPanel
from alexcli.schema import AnalyzeSpec
from alexcli.tables import Table

KEYS = ("layer",)
"""The keys of `AnalyzeSpec` that it reads."""
CHANCE = 0.05
"""The towers of a run count as different if p is below this."""


def run(spec: AnalyzeSpec, subjects: Iterable[Subject]) -> Analysis:
    """Compare the towers' colour selectivity in each of several nets.

    Args:
        spec: `layer`; null for the first, the only one whose kernels can be shown as images.
        subjects: nets of two towers or more, such as runs that differ in their seeds.

    Raises:
        UsageError: a net has one tower or reads no colour, or its kernels are no images.
    """
    rows: list[dict[str, Any]] = []
    panels: list[TilesPanel] = []
    for subject in subjects:
        layer = filters.image_kernels(subject, spec.layer)
        rows.append({"run": subject.name, **_colour_columns(subject.name, layer.towers)})
        panels += _panels(subject.name, layer)
    return Analysis(
        title=f"colour selectivity of towers (runs: {len(rows)})",
        tables=[_table(rows), _summary(rows)],
        panels=[*panels],
        caption="First-layer kernels of each run, tower by tower; all of a run on one scale.",
    )


def _colour_columns(name: str, towers: list[filters.Floats]) -> dict[str, Any]:
    """The median colour selectivity of each tower, and whether towers differ by chance.

    Args:
        name: of the run.
        towers: (n, C, k, k) kernels of each.

    Raises:
        UsageError: there is one tower, or the kernels read no colour.
    """
    if len(towers) < 2:
        raise UsageError(
            f"{name} has one tower, which cannot be compared with another",
            hint="alexcli analyze filters --run RUN",
        )
    measures = [filters.measure(kernels) for kernels in towers]
    if "colour" not in measures[0]:
        raise UsageError(
            f"{name} reads {plural(towers[0].shape[1], 'channel')}, and colour needs 3",
            hint="--run another run",
        )
    samples = [values["colour"] for values in measures]
    medians = {f"tower {tower}": filters.median(kernels) for tower, kernels in enumerate(samples)}
    return {**medians, "p": filters.permutation_p(samples)}


def _table(rows: list[dict[str, Any]]) -> Table:
    """A row for each run."""
    return Table.from_records(
        "colour selectivity",
        rows,
        "medians over kernels of chromatic over achromatic energy, without kernels of zeros; p: "
        "how often they would lie so far apart if kernels were dealt to towers by chance "
        f"(permutation test, {filters.SHUFFLES:,} shuffles)",
    )


def _summary(rows: list[dict[str, Any]]) -> Table:
    """The summary over all runs."""
    from scipy.stats import combine_pvalues

    p = [row["p"] for row in rows if row["p"] is not None]
    row = {
        "runs": len(rows),
        "towers differ": sum(p_value < CHANCE for p_value in p),
        "by chance": CHANCE * len(p),
        "p": float(combine_pvalues(p).pvalue) if p else None,
    }
    return Table.from_records(
        "all runs together",
        [row],
        f"towers differ: runs with p < {CHANCE}; by chance: how many are expected of towers that "
        "are alike; p: of all runs together, by Fisher's method",
    )


def _panels(name: str, layer: filters.ImageKernels) -> list[TilesPanel]:
    """The kernels of a run, a panel for each tower."""
    panels = [layer.panel(tower) for tower in range(len(layer.towers))]
    for panel in panels:
        panel.title = f"{name}, {panel.title}"
    return panels
