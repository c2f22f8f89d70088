from typing import get_args, get_type_hints

from alexcli.cli.export import export
from alexcli.run.export_formats import FORMATS


def test_every_format_can_be_chosen_on_the_command_line() -> None:
    choices = get_args(get_type_hints(export)["format"])
    assert set(choices) == set(FORMATS)


def test_suffixes_tell_the_formats_apart() -> None:
    assert len({export_format.suffix for export_format in FORMATS.values()}) == len(FORMATS)
