"""alexcli report."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from alexcli.cli.arguments import split_arguments
from alexcli.cli.options import Runs
from alexcli.cli.output import emit
from alexcli.cli.study_options import AUTO, parse_seeds
from alexcli.errors import UsageError
from alexcli.render.progress import make_reporter
from alexcli.run_files import DEFAULT_RUNS

if TYPE_CHECKING:  # numpy would slow down every --help
    from alexcli.records.analysis import Analysis

RUNS_KEY = "runs="
"""How the override that names the directory of runs begins."""


def report(
    arguments: list[str] | None = None,
    *,
    seeds: str = AUTO,
    setting: Literal["auto", "mechanism", "plain"] = "auto",
    reuse: Path | None = None,
    out: Path = Path("report.html"),
    runs: Runs = DEFAULT_RUNS,
) -> None:
    """Write the results so far into one HTML file, with the curves as PNG and SVG beside it.

    If neither a study nor a run is named, the report covers the newest finished run. The runs of a
    study are read from --runs, or from the directory that runs=DIR names.

    Args:
        arguments (STUDY|RUN|KEY=VALUE): Studies, with the overrides that chose their setting, or
            runs, which take no overrides.
        seeds (auto|N): Seeds of the studies. auto: all that are finished.
        setting: As for `ablate`.
        reuse (DIR): As for `ablate`; runs that are recorded there have no curves.
        out (FILE.html): The file to write.

    Examples:
        alexcli report lrn
        alexcli report lrn --reuse results --out lrn.html
        alexcli report 'runs/quickstart/s*' --out runs.html
        alexcli report lrn towers experiment=ilsvrc2012 data.root=DIR --out paper.html
    """
    if out.suffix != ".html":
        raise UsageError(
            f"--out {out} does not end in .html", hint=f"--out {out.with_name(f'{out.stem}.html')}"
        )
    from alexcli.config.files import STUDIES, choices
    from alexcli.render.report import write_report

    names, overrides = split_arguments(arguments or [])
    studies = [name for name in names if name in choices(STUDIES)]
    run_names = [name for name in names if name not in studies]
    _check_overrides(overrides, studies, runs)
    for option, value, default in (("--seeds", seeds, AUTO), ("--reuse", reuse, None)):
        if value != default and not studies:
            raise UsageError(
                f"{option} {value} is for a study, and no study is named",
                hint=f"alexcli report lrn {option} {value}",
            )
    sections: dict[str, Analysis] = {}
    if run_names or not studies:
        sections["runs"] = _section_of_runs(run_names, runs)
    if studies:
        overrides = _with_runs(overrides, runs)
        sections.update(_sections_of_studies(studies, overrides, seeds, setting, reuse))
    for path in write_report(sections, out):
        emit(f"{path}\n")


def _check_overrides(overrides: Sequence[str], studies: Sequence[str], runs: Path) -> None:
    """UsageError for overrides without a study, and for two directories of runs."""
    directories = [word for word in overrides if word.startswith(RUNS_KEY)]
    if overrides and not studies:
        hint = (
            f"alexcli report STUDY {' '.join(overrides)}; alexcli ablate --list names the studies"
        )
        if directories:
            hint = f"--runs {directories[0].removeprefix(RUNS_KEY)}"
        raise UsageError(
            f"{', '.join(overrides)}: overrides are for a study, and no study is named", hint=hint
        )
    if directories and runs != DEFAULT_RUNS:
        raise UsageError(
            f"--runs {runs} and {directories[0]} name the directory of runs twice",
            hint=f"leave {directories[0]} out",
        )


def _with_runs(overrides: list[str], runs: Path) -> list[str]:
    """The overrides of studies, with the directory that --runs names."""
    return overrides if runs == DEFAULT_RUNS else [*overrides, f"{RUNS_KEY}{runs}"]


def _section_of_runs(names: Sequence[str], runs: Path) -> "Analysis":
    """Curves of runs; without names, of the newest one."""
    from alexcli.run.find import find_checkpoints
    from alexcli.run.history import begun_runs
    from alexcli.run.report import runs_report

    reporter = make_reporter()
    named_runs = [checkpoint.run for checkpoint in find_checkpoints(names, runs, reporter=reporter)]
    report = runs_report(begun_runs(named_runs, reporter), reporter)
    reporter.close()
    return report


def _sections_of_studies(
    names: Sequence[str], overrides: Sequence[str], seeds: str, setting: str, reuse: Path | None
) -> "dict[str, Analysis]":
    """By study: its table of arms, and the curves of its runs."""
    from alexcli.ablation.forest import forest_panel
    from alexcli.ablation.plan import Ablation
    from alexcli.ablation.results import study_results
    from alexcli.ablation.reuse import read_recorded_runs
    from alexcli.render.studies import outcome_table, study_table
    from alexcli.run.report import study_report

    recorded = read_recorded_runs(reuse) if reuse else None
    ablation = Ablation(names, overrides, parse_seeds(seeds), setting, recorded)
    ablation.add_finished_seeds()
    sections: dict[str, Analysis] = {}
    for study in study_results(ablation, make_reporter()):
        analysis = study_report(study, ablation.command(study.name))
        arms = study_table(study)
        arms.title = "arms against the baseline"
        analysis.tables = [outcome_table(study), arms, *analysis.tables]
        analysis.panels = [forest_panel(study), *analysis.panels]
        sections[study.name] = analysis
    return sections
