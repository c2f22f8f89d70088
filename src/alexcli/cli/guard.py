"""How a command ends: an expected error becomes a message, a hint and an exit code."""

import contextlib
import errno
import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

from alexcli.errors import AlexcliError, InterruptedRunError, UsageError
from alexcli.render.escape import printable
from alexcli.render.progress import close_reporters, starting
from alexcli.render.wrapping import wrap_sentences
from alexcli.run.worker import is_main_process, rank_prefix, send_error_to_parent
from alexcli.signals import sigterm_as_error

P = ParamSpec("P")

REFUSED = (errno.ENAMETOOLONG, errno.EACCES, errno.ELOOP, errno.ENOTDIR)
"""Errors of asking whether a path exists: too long, in a folder that is closed, links in a ring, or
a file in place of a folder.
"""
SHOWN_OF_PATH = 120
"""Characters."""


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """A command that ends with a message instead of a traceback, as far as its errors are expected.

    In a process that alexcli started as one of several, any error goes to the process that started
    it, which shows it. Ctrl-C and SIGTERM are errors, too, so that nothing is left half-written.
    """

    @functools.wraps(command)
    def guarded_command(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            in_progress = starting() if is_main_process() else contextlib.nullcontext()
            with sigterm_as_error(), in_progress:
                command(*args, **kwargs)
        except KeyboardInterrupt:
            stopped = InterruptedRunError(
                "stopped", hint="repeat the same command; finished work is kept"
            )
            _report(stopped)
            raise typer.Exit(stopped.exit_code) from None
        except BrokenPipeError:  # the reader of stdout has ended, such as `| head`
            sys.stderr.close()
            raise typer.Exit(0) from None
        except AlexcliError as error:
            _report(error)
            raise typer.Exit(error.exit_code) from None
        except Exception as error:
            wrong_path = _path_error(error)
            if wrong_path is not None:
                _report(wrong_path)
                raise typer.Exit(wrong_path.exit_code) from None
            if not send_error_to_parent(error):
                raise
            raise typer.Exit(1) from None

    return guarded_command


def _path_error(error: Exception) -> UsageError | None:
    """What is said of a path that the system refuses to look at, wherever it was typed or read."""
    if not isinstance(error, OSError) or error.errno not in REFUSED or error.filename is None:
        return None
    path = str(error.filename)
    shown = path if len(path) <= SHOWN_OF_PATH else f"{path[:SHOWN_OF_PATH]}..."
    return UsageError(
        f"{shown} cannot be used: {error.strerror}",
        hint="check the path, and whether you may read its folders",
    )


def _report(error: AlexcliError) -> None:
    """Send an error to the process that started this one, or print it if there is none."""
    if not send_error_to_parent(error):
        print_error(error)


def print_error(error: AlexcliError) -> None:
    """Print message and hint on stderr; on a terminal the message breaks between its words."""
    with contextlib.suppress(OSError):  # stderr is full or gone: the exit code still tells
        _print_error(error)


def _print_error(error: AlexcliError) -> None:
    from rich.console import Console  # slower than all else that a command needs to begin
    from rich.text import Text

    close_reporters()
    console = Console(stderr=True, highlight=False)
    message = printable(rank_prefix() + error.message, lines=True)
    if console.is_terminal:
        message = wrap_sentences(f"error: {message}", console.width).removeprefix("error: ")
    console.print(Text.assemble(("error:", "red"), " ", message), soft_wrap=True)
    if error.hint:
        hint = printable(error.hint, lines=True)
        # Whole, so that a command in it can be copied.
        console.print(Text.assemble(("hint:", "cyan"), " ", hint), soft_wrap=True)
