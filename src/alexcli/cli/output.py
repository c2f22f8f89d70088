"""Where a command's output goes: data to stdout, files to --out."""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from alexcli.errors import RunFailedError, UsageError
from alexcli.files import writing
from alexcli.records.analysis import Analysis
from alexcli.render.progress import close_reporters
from alexcli.render.tables import Format
from alexcli.render.wrapping import COMMAND_NEXT
from alexcli.reporter import Reporter


def emit(text: str) -> None:
    """Write data to stdout.

    Raises:
        RunFailedError: it takes no more, as on a full disk.
        BrokenPipeError: its reader has ended.
    """
    close_reporters()
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise output_error(error) from error


def show(analysis: Analysis, format: Format, reporter: Reporter, all_tables: str) -> None:
    """Write what a command found to stdout, and note which tables csv leaves out.

    Args:
        analysis: what a command found.
        format: the output format.
        reporter: receives the note.
        all_tables: what the user types to have every table.
    """
    from alexcli.render.output import as_text, left_out  # takes too long for --help

    emit(as_text(analysis, format))
    titles = left_out(analysis, format)
    if titles:
        reporter.note(f"csv is one table; {all_tables} for the others: {'; '.join(titles)}")


def output_error(error: OSError) -> RunFailedError:
    """What the user is told where standard output takes no more."""
    return RunFailedError(
        f"standard output cannot be written: {error.strerror or error}",
        hint="free space where it is written, then repeat the command",
    )


def program() -> str:
    """How alexcli has to be typed here: a fresh environment is often not on the PATH."""
    if shutil.which("alexcli"):
        return "alexcli"
    quoted = shlex.quote(sys.executable)
    return f"{quoted} -m alexcli" if sys.argv[0].endswith(".py") else shlex.quote(sys.argv[0])


def suggest(reporter: Reporter, arguments: Sequence[str]) -> None:
    """Show the command that leads on, whole and quoted, so that it can be copied.

    Args:
        reporter: shows it.
        arguments: what follows `alexcli`.
    """
    reporter.note(f"{COMMAND_NEXT}{program()} {shlex.join(arguments)}")


def check_not_input(out: Path, inputs: Sequence[Path]) -> None:
    """Check that a figure replaces no image that the command reads.

    Args:
        out: the file to be written.
        inputs: images, and folders of them.

    Raises:
        UsageError: it is one of them, or a file that exists in such a folder.
    """
    if not out.exists():
        return
    target = out.resolve()
    for path in inputs:
        source = path.resolve()
        if target == source or source in target.parents:
            raise UsageError(
                f"--out {out} would replace a file of the images that are read",
                hint=f"choose another name: --out {out.stem}-figure{out.suffix}",
            )


def check_writable(out: Path) -> None:
    """Check that a folder can be written, or made, before work begins.

    Raises:
        UsageError: it cannot.
    """
    folder = next(path for path in [out, *out.absolute().parents] if path.exists())
    if not folder.is_dir():
        raise UsageError(f"--out {out}: {folder} is not a folder", hint="choose another folder")
    if not os.access(folder, os.W_OK):
        raise UsageError(f"--out {out}: {folder} cannot be written", hint="choose another folder")


def save_outputs(
    analysis: Analysis, paths: Sequence[Path], reporter: Reporter, option: str, hint: str
) -> None:
    """Write the files of an analysis, and note which were written.

    Args:
        analysis: numbers and figure.
        paths: files, whose suffixes say what they hold.
        reporter: receives the notes.
        option: what the user typed, such as `--out DIR`, for the message.
        hint: what to type if the files cannot be written.

    Raises:
        UsageError: they cannot be written.
    """
    from alexcli.render.output import write

    try:
        with writing(option, hint=hint):
            write(analysis, paths)
    except ValueError as error:  # a suffix that is no image format
        raise UsageError(f"{option} cannot be written: {error}", hint=hint) from error
    for path in paths:
        reporter.note(f"wrote {path}")
