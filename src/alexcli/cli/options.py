"""Types of the parameters that several commands share, with the help that is always the same."""

from pathlib import Path
from typing import Annotated

import typer

from alexcli.render.tables import Format

Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Config overrides.")
]

FormatOption = Annotated[Format, typer.Option(help="Output format.", case_sensitive=False)]

Runs = Annotated[Path, typer.Option(help="Directory searched for the newest run.")]

TenCrop = Annotated[bool, typer.Option(help="Average the softmax of ten views (section 4.1).")]

MOST = 10_000
"""More images or trainings at a time, or rounds, than any machine ends with."""

Positive = Annotated[int, typer.Option(min=1, max=MOST)]

OptionalPositive = Annotated[int | None, typer.Option(min=1, max=MOST)]

ConfOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Folder with your own yaml files; default: ./conf, if it exists."
    ),
]

Hidden = Annotated[str | None, typer.Option(hidden=True)]


def use_conf(folder: Path | None) -> None:
    """Take yaml files of the user's from the folder that --conf names; see `use_conf_dir`."""
    from alexcli.config.user_conf import use_conf_dir  # yaml, which --help does without

    use_conf_dir(folder)
