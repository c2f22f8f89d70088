"""alexcli claims."""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from alexcli.cli.arguments import split_arguments
from alexcli.cli.options import FormatOption
from alexcli.cli.output import emit
from alexcli.errors import UsageError
from alexcli.render.tables import Format, render

if TYPE_CHECKING:
    from alexcli.records.claim import Claim

PLACEHOLDERS = {"DIR": "data.root=DIR", "RUN": "init_from=RUN"}
"""What stands for a folder or a run in a command, and the word that replaces it."""
RUNS = "RUNS"
"""Stands for several runs that there have to be before."""


def claims(
    arguments: list[str] | None = None,
    *,
    run: bool = False,
    brief: bool = False,
    format: FormatOption = Format.table,
) -> None:
    """Show what the paper and its authors' lab notes claim, and what was measured for each claim.

    Args:
        arguments (CLAIM|KEY=VALUE): A claim to show in full; with --run, also overrides for its
            command, such as data.root=DIR.
        run: Run the command that tests the claim.
        brief: Only the claims of the README's table, without their commands.

    Examples:
        alexcli claims
        alexcli claims lrn
        alexcli claims parameters --run
        alexcli claims cifar_26 --run data.root=DIR
    """
    from alexcli.claims.ledger import claims as all_claims
    from alexcli.claims.ledger import find_claim
    from alexcli.render.claims import claim_table, claims_table

    names, overrides = split_arguments(arguments or [])
    if run:
        _run(find_claim(_only(names, "--run")), overrides)
        return
    if overrides:
        raise UsageError(f"{', '.join(overrides)}: overrides need a command to run", hint="--run")
    if names:
        claim = find_claim(_only(names, "alexcli claims"))
        emit(render(claim_table(claim), format, asdict(claim)))
        return
    shown = [claim for claim in all_claims() if claim.brief or not brief]
    table = claims_table(shown, with_commands=format is not Format.table and not brief)
    emit(render(table, format, [asdict(claim) for claim in shown]))


def _only(names: Sequence[str], command: str) -> str:
    """The one claim that is named."""
    if len(names) != 1:
        raise UsageError(
            f"{command} takes one claim, not {len(names)}", hint="alexcli claims lists all"
        )
    return names[0]


def _run(claim: "Claim", overrides: Sequence[str]) -> None:
    """Run a claim's command as if it were typed, and exit as it does."""
    arguments = shlex.split(claim.command)[1:]
    if RUNS in arguments:
        raise UsageError(
            f"the command of {claim.name} needs runs of your own: {claim.command}",
            hint=claim.command.replace(RUNS, "'runs/quickstart/s*'"),
        )
    for placeholder, word in PLACEHOLDERS.items():
        key = word.partition("=")[0]
        is_typed = any(override.startswith(f"{key}=") for override in overrides)
        if word in arguments and not is_typed:
            raise UsageError(
                f"the command of {claim.name} needs {word}: {claim.command}",
                hint=f"alexcli claims {claim.name} --run {word}, with your own {placeholder}",
            )
        arguments = [argument for argument in arguments if argument != word]
    code = subprocess.call([sys.executable, "-m", "alexcli", *arguments, *overrides])
    raise typer.Exit(code)
