"""alexcli config."""

import typer

config = typer.Typer(help="Show, list, compare and check configurations.", no_args_is_help=True)


@config.command()
def show() -> None:
    """x"""


@config.command()
def diff() -> None:
    """x"""
