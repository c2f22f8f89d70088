"""The user's own yaml files: reading them safely, and locating errors in them."""

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from alexcli.config.files import CONF_VARIABLE, choices, groups, user_conf_dir
from alexcli.config.suggestions import suggest_choice
from alexcli.config.yaml_text import MOST_BYTES, PlainLoader, RefusedYamlError, read_yaml
from alexcli.errors import UsageError, did_you_mean
from alexcli.files import read_limited

PACKAGE = re.compile(r"^#\s*@package\s+(\S+)", re.MULTILINE)
"""Hydra's directive for the section that a file fills; without one, it is that of its group."""
DEFAULTS_HINT = (
    "defaults: [alexnet, _self_] changes a net; `- override /model: NAME` chooses one in an "
    "experiment"
)
NO_CHOICE = re.compile(r"Could not (?:load|find) '(?P<group>\w+)/(?P<name>[^']+)'")
NO_GROUP = re.compile(r"Could not override '(?P<group>\w+)'")
"""Hydra's messages about the name of a file, and of a group, in `defaults`."""
YAML_HINT = "a yaml file holds lines such as `lr: 0.01`, indented by spaces below their section"
KEY = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w*-]+)*")
"""A key of a configuration within a message."""
QUOTED = re.compile(r"'([^']+)'")
"""The same for keys of an unusual form."""


def use_conf_dir(folder: Path | None) -> None:
    """Take the user's yaml files from a folder, in this process and its children.

    Args:
        folder: the value of --conf; None leaves it to $ALEXCLI_CONF or the working directory.

    Raises:
        UsageError: there is no such folder.
    """
    chosen = os.environ.get(CONF_VARIABLE) if folder is None else str(folder)
    if not chosen:
        return
    absolute = Path(chosen).expanduser().absolute()
    if not absolute.is_dir():
        option = f"--conf {chosen}" if folder else f"{CONF_VARIABLE}={chosen}"
        raise UsageError(
            f"{option} is not a folder",
            hint="a folder with model/NAME.yaml, experiment/NAME.yaml ...",
        )
    os.environ[CONF_VARIABLE] = str(absolute)


def reachable_user_files(choices: Sequence[str], folder: Path, user_folder: Path) -> list[Path]:
    """The user's files that choices lead to, checked before anything else reads them.

    Args:
        choices: GROUP=CHOICE.
        folder: the package's folder, whose files need no check.
        user_folder: the user's.

    Raises:
        UsageError: as `read_user_file`.
    """
    waiting = [name for choice in choices for name in _named(choice)]
    reached: list[Path] = []
    while waiting:
        name = waiting.pop()
        path = user_folder / f"{name}.yaml"
        if path in reached or (folder / f"{name}.yaml").exists() or not path.is_file():
            continue
        reached.append(path)
        content = read_user_file(path)
        waiting += _defaults(content, group=name.partition("/")[0])
    return reached


def _named(choice: str) -> list[str]:
    """The files that GROUP=CHOICE or GROUP=[CHOICE,CHOICE] names, each as GROUP/CHOICE."""
    group, _, names = choice.partition("=")
    return [f"{group}/{name.strip()}" for name in names.strip("[]").split(",")]


@contextlib.contextmanager
def defaults_explained(files: Sequence[Path]) -> Iterator[None]:
    """Turn any error of Hydra about the user's files into a UsageError that names one of them.

    Hydra trusts its yaml files: a wrong list of `defaults` can raise any kind of error.

    Args:
        files: the user's files in the composition; without any, errors are left unchanged.
    """
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        if not files:
            raise
        mark = getattr(error, "problem_mark", None)
        if mark is not None:  # Hydra cannot read the file as yaml
            problem = getattr(error, "problem", "cannot be read")
            raise UsageError(f"{mark.name}:{mark.line + 1}: {problem}", hint=YAML_HINT) from error
        problem = _defaults_problem(error, files)
        raise UsageError(problem, hint=_meant_choice(problem) or DEFAULTS_HINT) from error


def _defaults_problem(error: Exception, files: Sequence[Path]) -> str:
    """Hydra's message about a file's `defaults`, with the line where they begin."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    if isinstance(error, RecursionError):
        reason = "defaults lead back to the file itself"
    named = [file for file in files if f"'{file.parent.name}/{file.stem}'" in reason]
    file = (named or files)[0]
    line = dict(key_lines(file, prefix="")).get("defaults", 1)
    return f"{file}:{line}: {reason}"


def _meant_choice(problem: str) -> str | None:
    """The choice or the group that is most like the one which Hydra does not find, as a hint."""
    choice = NO_CHOICE.search(problem)
    if choice and choice["group"] in groups():
        near = suggest_choice(choice["name"], choices(choice["group"]))
        return f"did you mean {near}?" if near else f"alexcli config list {choice['group']}"
    group = NO_GROUP.search(problem)
    return did_you_mean(group["group"], groups()) if group else None


def _defaults(content: dict[Any, Any], group: str) -> Iterator[str]:
    """The files that a file names under `defaults`, each as GROUP/CHOICE."""
    entries = content.get("defaults")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, str):
            yield f"{group}/{entry}"
        elif isinstance(entry, dict):
            for key, value in entry.items():
                named_group = str(key).split(" ")[-1].partition("@")[0].removeprefix("/")
                for choice in value if isinstance(value, list) else [value]:
                    yield f"{named_group}/{choice}"


def used_user_files(names: Sequence[str], folder: Path, user_folder: Path) -> tuple[Path, ...]:
    """The user's files among those of a composition, relative to their folder.

    Args:
        names: of all its files, each as GROUP/CHOICE.
        folder: the package's folder.
        user_folder: the user's.

    Raises:
        UsageError: a file has the name of one of the package's and another content, or cannot be
            read (`read_user_file`).
    """
    used = []
    for name in names:
        packaged, path = folder / f"{name}.yaml", user_folder / f"{name}.yaml"
        if not path.is_file():
            continue
        if packaged.exists():
            check_name(packaged, path)
        else:
            read_user_file(path)
            used.append(path.relative_to(user_folder))
    return tuple(used)


def check_name(packaged: Path, path: Path) -> None:
    """Raise UsageError if a user's file differs in content from the package's file of its name."""
    if packaged.read_bytes() != path.read_bytes():
        raise UsageError(
            f"{path} has the name of one of alexcli's own files, which cannot be replaced",
            hint=f"rename it, for instance to {path.parent.name}/my_{path.name}",
        )


def read_user_file(path: Path) -> dict[Any, Any]:
    """The content of a yaml file, which is untrusted.

    Raises:
        UsageError: names the file and the line: not yaml, not a mapping, or something that is
            refused in such files: aliases, which Hydra does not limit, and interpolations, which
            can read the environment.
    """
    try:
        text = read_limited(path, MOST_BYTES).decode("utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read: {error}", hint="it must be a text file, in UTF-8"
        ) from error
    try:
        content = read_yaml(text)
    except RefusedYamlError as error:
        place = str(path) if error.line is None else f"{path}:{error.line}"
        is_yaml = not isinstance(error.__cause__, yaml.YAMLError)
        reason = error.reason if is_yaml else f"this is no yaml: {error.reason}"
        raise UsageError(f"{place}: {reason}", hint=YAML_HINT) from error
    for event in yaml.parse(text, PlainLoader):
        _check_event(path, event)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(
            f"{path}:1: this is a {type(content).__name__}, not keys with values", hint="name: mine"
        )
    return content


def _check_event(path: Path, event: Any) -> None:
    """Raise UsageError for a part of a file that is refused."""
    place = f"{path}:{event.start_mark.line + 1}"
    if isinstance(event, yaml.AliasEvent):
        raise UsageError(f"{place}: aliases (*{event.anchor}) are not read", hint="write it out")
    if isinstance(event, yaml.ScalarEvent) and "${" in event.value:
        raise UsageError(f"{place}: {event.value!r} is an interpolation", hint="write the value")


def with_place(error: UsageError, files: Sequence[Path], typed: Sequence[str]) -> UsageError:
    """An error with the file and the line of the key that it names, if it is in a user's file.

    Args:
        error: of a composition.
        files: the user's files in it, relative to their folder; later ones override earlier ones.
        typed: the words of the command line, whose keys do not come from the files.
    """
    folder = user_conf_dir()
    if folder is None:
        return error
    named = {key.rstrip(".") for key in KEY.findall(error.message)}
    named |= set(QUOTED.findall(error.message))
    named -= {word.partition("=")[0] for word in typed}
    places = {}
    for file in files:
        for key, line in key_lines(folder / file):
            places[key] = f"{folder / file}:{line}"
    known = sorted(named & places.keys(), key=len)
    if not known:
        return error
    return UsageError(f"{places[known[-1]]}: {error.message}", hint=error.hint)


def in_files(error: UsageError, files: Sequence[Path]) -> UsageError:
    """An error in the user's files, with their names if no line is known."""
    folder = user_conf_dir()
    if folder is None or str(folder) in error.message or not files:
        return error
    names = ", ".join(str(folder / file) for file in files)
    return UsageError(f"{names}: {error.message}", hint=error.hint)


def key_lines(path: Path, prefix: str | None = None) -> Iterator[tuple[str, int]]:
    """The keys of a yaml file, each with its line, counted from 1.

    Args:
        path: the file.
        prefix: what the keys begin with; None takes the section that the file fills.
    """
    text = path.read_text(encoding="utf-8")
    if prefix is None:
        package = PACKAGE.search(text)
        section = package.group(1) if package else path.parent.name
        prefix = "" if section == "_global_" else f"{section}."
    yield from _lines_below(yaml.compose(text, yaml.SafeLoader), prefix)


def _lines_below(node: Any, prefix: str) -> Iterator[tuple[str, int]]:
    """The keys of a mapping and of those in it."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        yield name, key.start_mark.line + 1
        yield from _lines_below(value, f"{name}.")
