"""alexcli checks."""

from dataclasses import asdict

from alexcli.cli.options import FormatOption
from alexcli.cli.output import emit
from alexcli.errors import RunFailedError
from alexcli.render.progress import make_reporter
from alexcli.render.tables import Format, render
from alexcli.tables import Table


def checks(*, format: FormatOption = Format.table) -> None:
    """Check this installation and this machine, and train for two seconds.

    The report describes what a training can use here, and is meant to be pasted into an issue. It
    needs no network. The exit code is 1 if nothing can be trained here.

    Examples:
        alexcli checks
        alexcli checks --format md
        alexcli checks --format json
    """
    from alexcli.run.checks import run_checks

    results = run_checks(make_reporter())
    rows = [
        {
            "check": check.name,
            "state": "BROKEN" if check.broken else "ok",
            "found": check.description,
            "hint": check.hint,
        }
        for check in results
    ]
    table = Table.from_records("checks", rows)
    emit(render(table, format, [asdict(check) for check in results]))
    broken = [check for check in results if check.broken]
    if broken:
        raise RunFailedError(
            f"broken: {', '.join(check.name for check in broken)}",
            hint=broken[0].hint or "fix it and run alexcli checks again",
        )
