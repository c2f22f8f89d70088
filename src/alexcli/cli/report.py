"""alexcli report."""

from pathlib import Path

from alexcli.cli.ablate import SEEDS
from alexcli.cli.shell import Positive, emit, split_words
from alexcli.errors import UsageError
from alexcli.render.progress import make_reporter


def report(
    what: list[str] | None = None, *, seeds: Positive = SEEDS, out: Path = Path("report.html")
) -> None:
    """Write one HTML file, with curves as PNG and SVG beside it, of what is finished.

    Args:
        what (STUDY|RUN|KEY=VALUE): Studies, with what chose their setting, or runs.
        seeds: Seeds of the studies.
        out (FILE.html): What to write.

    Examples:
        alexcli report lrn
        alexcli report 'runs/quickstart/s*' --out runs.html
        alexcli report lrn towers experiment=ilsvrc2012 data.root=DIR --out paper.html
    """
    names, words = split_words(what or [])
    if not names:
        raise UsageError.of("report.no_name")
    if out.suffix != ".html" or not out.parent.is_dir():
        raise UsageError.of("report.no_html", out=out)
    from alexcli.config import STUDIES, choices
    from alexcli.render.figures import write_report
    from alexcli.render.studies import study_table
    from alexcli.run.ablate import Ablation
    from alexcli.run.look import of_runs, of_study
    from alexcli.run.trained import choose

    wanted = [name for name in names if name in choices(STUDIES)]
    others = [name for name in names if name not in wanted]
    sections = {"runs": of_runs([run for run, _ in choose(others, Path("runs"))])} if others else {}
    if wanted:
        ablation = Ablation(wanted, words, seeds)
        for study in ablation.results(make_reporter()):
            sections[study.name] = of_study(study, ablation.typed)
            arms = study_table(study)
            arms.title = "arms against the baseline"
            sections[study.name].tables.insert(0, arms)
    for path in write_report(sections, out):
        emit(f"{path}\n")
