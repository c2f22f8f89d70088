"""What a shell completes: KEY=VALUE words, and the names of runs, studies and claims.

Each part of an argument's name, such as `STUDY|KEY=VALUE`, stands for words that are completed in
its way. The shell asks with every press of Tab, so nothing here imports more than it needs.
"""

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from alexcli import run_files
from alexcli.errors import AlexcliError
from alexcli.run_files import DEFAULT_RUNS

Completer = Callable[[typer.Context, str], list[str]]

NO_VALUES = ("null", "(must be given)")
"""Defaults that nobody types, of keys such as `data.root`, for which shells complete paths."""

PREFIXES = {
    "eval": ("data.", "eval.", "placement.", "trainer."),
    "features": ("data.", "eval.", "trainer."),
    "predict": ("data.", "eval.", "trainer."),
}
"""How the keys begin that a command takes, if not all."""

PATHS = {"IMAGE", "FOLDER"}
"""Parts of an argument's name for which shells complete paths, where nothing else is offered."""


def completer(metavar: str | None) -> Completer | None:
    """What completes an argument or an option; None for what shells complete by themselves.

    Args:
        metavar: the name of its value in the help.
    """
    names = (metavar or "").split("|")
    parts = [BY_PART[name] for name in names if name in BY_PART]
    if not parts:
        return None
    takes_paths = not PATHS.isdisjoint(names)

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        if takes_paths and _begins_a_path(incomplete):
            return []
        offered: list[str] = []
        for part in parts:
            with contextlib.suppress(AlexcliError, OSError):  # a shell has no place for messages
                offered += part(context, incomplete)
        return offered

    return complete


def _begins_a_path(incomplete: str) -> bool:
    """Whether a file or folder begins as typed."""
    folder, name = os.path.split(incomplete)
    try:
        with os.scandir(folder or ".") as entries:
            return any(entry.name.startswith(name) for entry in entries)
    except OSError:
        return False


def overrides(context: typer.Context, incomplete: str) -> list[str]:
    """KEY=VALUE words that begin as typed: keys a name at a time, or the values of a key."""
    command = context.command.name or ""
    key_before = _key_before_cursor(incomplete)
    if key_before is not None:
        return _values(command, key_before, incomplete)
    key, equals, value = incomplete.partition("=")
    if equals:
        return [f"{key}={completed}" for completed in _values(command, key, value)]
    return _keys(command, incomplete)


def keys(context: typer.Context, incomplete: str) -> list[str]:
    """Keys and sections that begin as typed."""
    return [
        word.rstrip("=.")
        for word in _next_names(_names(context.command.name or ""), incomplete)
        if not word.endswith(".=")
    ]


def run_paths(context: typer.Context, incomplete: str) -> list[str]:
    """The directories of runs that have a checkpoint."""
    runs = _runs_folder(context)
    return _beginning(
        sorted(str(file.parent) for file in runs.glob(run_files.EVERY_CHECKPOINT)), incomplete
    )


def run_names(context: typer.Context, incomplete: str) -> list[str]:
    """LABEL/DIRECTORY of every run, in whatever state."""
    runs = _runs_folder(context)
    folders = sorted(file.parent for file in runs.glob(run_files.EVERY_RUN))
    return _beginning([str(folder.relative_to(runs)) for folder in folders], incomplete)


def labels(context: typer.Context, incomplete: str) -> list[str]:
    """The labels of all runs."""
    return _beginning(
        list(dict.fromkeys(name.partition("/")[0] for name in run_names(context, ""))), incomplete
    )


def studies(context: typer.Context, incomplete: str) -> list[str]:
    """The studies of `alexcli ablate`."""
    del context
    from alexcli.config.files import STUDIES, choices

    return _beginning(choices(STUDIES), incomplete)


def claims(context: typer.Context, incomplete: str) -> list[str]:
    """The claims of the ledger."""
    del context
    from alexcli.claims.names import claim_names

    return _beginning(claim_names(), incomplete)


def analyses(context: typer.Context, incomplete: str) -> list[str]:
    """The analyses of `alexcli analyze`."""
    del context
    from alexcli.analysis.registry import ANALYSES

    return _beginning(ANALYSES, incomplete)


def groups(context: typer.Context, incomplete: str) -> list[str]:
    """The groups of choices."""
    del context
    from alexcli.config.files import groups as all_groups

    return _beginning(all_groups(), incomplete)


BY_PART: dict[str, Completer] = {
    "KEY=VALUE": overrides,
    "KEY": keys,
    "GROUP": groups,
    "RUN_OR_CKPT": run_paths,
    "RUN": run_names,
    "LABEL": labels,
    "STUDY": studies,
    "CLAIM": claims,
}
"""What completes each part of an argument's name."""


def _key_before_cursor(incomplete: str) -> str | None:
    """The key whose value bash asks for: it takes KEY=VALUE for three words.

    Args:
        incomplete: the word at the cursor, or empty where that is the equals sign.
    """
    bash_words = os.environ.get("COMP_WORDS", "").split("\n")
    before = bash_words[: int(os.environ.get("COMP_CWORD", "0")) + 1]
    if incomplete:
        before = before[:-1]
    return before[-2] if len(before) > 1 and before[-1] == "=" else None


def _runs_folder(context: typer.Context) -> Path:
    """The directory of runs: what --runs names, or else its default."""
    value = context.params.get("runs")
    return Path(value if isinstance(value, str | Path) else DEFAULT_RUNS)


def _beginning(candidates: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in candidates if word.startswith(incomplete)]


def _keys(command: str, incomplete: str) -> list[str]:
    """Keys with their equals sign, down to the next name that can be chosen.

    A shell ends the only completion with a space, so the only key comes with its values.
    """
    names = _names(command)
    offered = _next_names(names, incomplete)
    while len(offered) == 1 and offered[0].endswith("."):
        offered = _next_names(names, offered[0])
    if len(offered) == 1:
        key = offered[0].removesuffix("=")
        offered += [f"{key}={value}" for value in _values(command, key, "") or ["VALUE"]]
    return offered


def _names(command: str) -> list[str]:
    """The keys that a command takes, and the groups of choices, each with an equals sign."""
    from alexcli.config.files import groups as all_groups
    from alexcli.config.keys import SCHEMAS, below

    schema = command if command in SCHEMAS else "train"
    chosen = {"train": all_groups(), "analyze": ["model"]}.get(schema, [])
    names = [f"{name}=" for name in chosen if command not in PREFIXES]
    names += [f"{key.name}=" for key in below("", schema)]
    return [name for name in names if name.startswith(PREFIXES.get(command, ""))]


def _next_names(names: Iterable[str], incomplete: str) -> list[str]:
    """What may follow: names up to the next dot after what is typed, or up to their end.

    NAME, which stands for any layer, is matched by whatever is typed in its place.
    """
    typed = incomplete.split(".")
    following_names = []
    for name in names:
        parts = name.split(".")
        above = zip(parts, typed[:-1], strict=False)
        is_below = all(part == word or (part == "NAME" and word) for part, word in above)
        if not is_below or len(parts) < len(typed):
            continue
        following = parts[len(typed) - 1]
        if following != "NAME" and following.startswith(typed[-1]):
            end = "." if len(parts) > len(typed) else ""
            following_names.append(".".join([*typed[:-1], f"{following}{end}"]))
    return list(dict.fromkeys(following_names))


def _values(command: str, key: str, incomplete: str) -> list[str]:
    """The values of a key that begin as typed; of a list of values, the last one."""
    from alexcli.config.files import choices
    from alexcli.config.files import groups as all_groups
    from alexcli.config.keys import SCHEMAS, find

    before, comma, last = incomplete.rpartition(",")
    meant = find(key, command if command in SCHEMAS else "train")
    if key in all_groups():
        values = choices(key)
    elif meant is None or meant.is_section:
        values = []
    else:
        default = meant.default_text()
        values = meant.choices or ([] if default in NO_VALUES else [default])
    return [f"{before}{comma}{value}" for value in values if value.startswith(last)]
