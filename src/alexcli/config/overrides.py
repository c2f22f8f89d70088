"""Overrides: the KEY=VALUE arguments that a user types, in Hydra's grammar."""

import itertools
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, RangeSweep, ValueType
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from alexcli import run_files
from alexcli.config.files import STUDIES, choices, every_choice
from alexcli.errors import UsageError

SEVERAL = ("logger",)
"""The groups of which several choices can be combined, as in `logger=[csv,tensorboard]`."""

ENUMERABLE_SWEEPS = (ValueType.CHOICE_SWEEP, ValueType.SIMPLE_CHOICE_SWEEP, ValueType.RANGE_SWEEP)
"""The sweeps of Hydra's grammar whose values are known: `choice(a,b)`, `a,b` and `range(3)`."""

LONGEST = 100_000
"""Characters of the longest override."""
SHOWN = 60
"""Characters of a long override in a message."""
LONGEST_TO_QUOTE = 500
GRAMMAR = "'\"()[]{},:=\\$"
"""Characters with a meaning in Hydra's grammar of values."""
PLAIN_TEXT = re.compile(r"[A-Za-z0-9_./~+%@-]+(?: [A-Za-z0-9_./~+%@-]+)*")
"""A text that needs no quotes wherever it stands, unless it is read as a number and the like."""
MOST_JOBS = 10_000
"""Jobs of the largest sweep."""


def parse(overrides: Sequence[str], *, sweep: bool = False) -> list[Override]:
    """Parse overrides with Hydra's grammar.

    Args:
        overrides: as typed: `KEY=VALUE`, or `~KEY` to remove a key.
        sweep: whether an override may list several values, as in `seed=0,1`.

    Raises:
        UsageError: an argument is not an override, its value needs quotes, or it lists several
            values where one is allowed.
    """
    parser = OverridesParser.create()
    return [_parse_override(override, parser, sweep) for override in overrides]


def _parse_override(typed: str, parser: OverridesParser, sweep: bool) -> Override:
    if "=" not in typed and not typed.startswith("~"):
        raise UsageError(f"{shortened(typed)!r} is not KEY=VALUE", hint=_override_hint(typed))
    if len(typed) > LONGEST:  # reading it would take minutes
        raise UsageError(
            f"{typed[:SHOWN]}... has {len(typed):,} characters; at most {LONGEST:,} are allowed",
            hint="a file of yours can hold long values: docs/configuration.md",
        )
    try:
        override = parser.parse_override(_quoted(typed))
        override.value()
    except (ValueError, OverflowError, RecursionError) as error:  # a long number, many brackets
        message = f"the value in {shortened(typed)!r} cannot be read: {shortened(str(error))}"
        raise UsageError(message, hint=f"{typed.partition('=')[0][:SHOWN]}=VALUE") from error
    except HydraException as error:
        _check_key(typed.partition("=")[0], parser)
        message = f"the value in {shortened(typed)!r} cannot be read"
        hint = quoting_hint(typed) if len(typed) <= LONGEST_TO_QUOTE else None
        raise UsageError(message, hint=hint) from error
    if not override.key_or_group:
        raise UsageError(f"{shortened(typed)!r} has no key", hint="KEY=VALUE")
    if typed.partition("=")[1:] == ("=", ""):  # most likely a variable of the shell that is not set
        key = override.key_or_group
        raise UsageError(f"{typed!r} has no value", hint=f"{key}=VALUE, or leave {key} out")
    if override.is_sweep_override() and not sweep:
        raise UsageError(
            f"{typed!r} lists several values, which only `alexcli train` takes",
            hint=quoting_hint(typed),
        )
    return override


def _quoted(typed: str) -> str:
    """The override with its value quoted if necessary: Hydra's grammar has only ASCII letters.

    A value with characters of the grammar is left unchanged, because they may be intended.
    """
    key, _, value = typed.partition("=")
    if value.isascii() or any(character in GRAMMAR for character in value):
        return typed
    return f"{key}='{value}'"


def _check_key(key: str, parser: OverridesParser) -> None:
    """Raise UsageError for what cannot be a key; it is most likely a pattern, as in studies."""
    try:
        parser.parse_override(f"{key}=0")
    except HydraException as error:
        if any(character in key for character in "*?["):
            raise UsageError(
                f"{shortened(key)!r} is a pattern, which is a key only in the files of studies",
                hint="name each key: model.layers.conv1.bias=0 model.layers.conv2.bias=0; or write "
                "a study: docs/extending.md",
            ) from error
        raise UsageError(
            f"{shortened(key)!r} is not a key", hint="alexcli config show lists all keys"
        ) from error


def shortened(text: str) -> str:
    """The beginning of a long text."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _override_hint(typed: str) -> str:
    """What to type instead of a word without a key: a run, images, a study, a choice, or a key."""
    if os.path.exists(os.path.join(typed, run_files.CONFIG)):  # noqa: PTH110, PTH118 (any length)
        return f"it is a run: --run {typed} looks inside it, init_from={typed} trains from it"
    if os.path.isdir(typed):  # noqa: PTH112 (accepts any length)
        return f"data=folder data.root={typed} trains on a folder of images"
    if os.path.isfile(typed):  # noqa: PTH113 (accepts any length)
        return f"images={typed}, for an analysis of an image"
    key, colon, value = typed.partition(":")
    if colon and "." in key:
        return f"did you mean {shortened(f'{key}={value}')}?"
    named = [choice for choice in every_choice() if choice.endswith(f"={typed}")]
    if named:
        return f"did you mean {' or '.join(named)}?"
    is_study = typed in choices(STUDIES)
    return f"it is a study: alexcli ablate {typed}" if is_study else f"{shortened(typed)}=VALUE"


def quoting_hint(typed: str) -> str:
    """How to type, in a shell, a value with characters that belong to Hydra's grammar."""
    key, _, value = typed.partition("=")
    override = f"{key}={_in_quotes(value)}"
    in_shell = override.replace("'", "'\\''")
    return f"put the value in quotes that reach alexcli: '{in_shell}'"


def _in_quotes(value: str) -> str:
    """A text in quotes of Hydra's grammar, where a backslash is itself unless a quote follows."""
    quote = '"' if "'" in value or '"' not in value else "'"
    escaped = re.sub(rf"\\*(?={quote}|$)", lambda backslashes: 2 * backslashes[0], value)
    return quote + escaped.replace(quote, f"\\{quote}") + quote


def hydra_value(value: Any) -> str:
    """A value in Hydra's grammar, as it is typed after KEY=.

    Args:
        value: plain data: None, a truth value, a number, a text, or lists and mappings of these.
    """
    if isinstance(value, Mapping):
        items = (f"{hydra_value(key)}:{hydra_value(item)}" for key, item in value.items())
        return f"{{{','.join(items)}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(hydra_value, value))}]"
    if isinstance(value, str) and not _is_plain(value):
        return _in_quotes(value)
    return str(yaml.safe_dump(value)).split("\n")[0]


def _is_plain(text: str) -> bool:
    """Whether Hydra reads a text without quotes as this text."""
    if not PLAIN_TEXT.fullmatch(text) or not isinstance(yaml.safe_load(text), str):
        return False
    try:
        float(text)  # such as 1e3 and nan, which yaml takes for texts
    except ValueError:
        return True
    return False


def expand(overrides: Sequence[str]) -> list[list[str]]:
    """The overrides of each job of a sweep.

    Args:
        overrides: as typed. Lists and ranges are combined with each other: `seed=0,1 model=a,b`
            makes four jobs. Without them there is one job.

    Raises:
        UsageError: as `parse`, a sweep of another kind, such as `glob()`, or too many jobs.
    """
    alternatives = [_alternatives(override) for override in parse(overrides, sweep=True)]
    jobs = math.prod(len(values) for values in alternatives)
    if jobs > MOST_JOBS:
        raise UsageError(
            f"{shortened(' '.join(overrides))} makes {jobs:,} jobs, and may make at most "
            f"{MOST_JOBS:,}",
            hint="sweep fewer values at once",
        )
    return [list(job) for job in itertools.product(*alternatives)]


def _alternatives(override: Override) -> list[str]:
    """An override for each value that one override lists."""
    if not override.is_sweep_override():
        return [override.input_line or ""]
    if override.value_type not in ENUMERABLE_SWEEPS:
        raise UsageError(
            f"{override.input_line!r}: only lists and range() can be swept",
            hint="list the values: optim.lr=0.01,0.02",
        )
    key = override.get_key_element()
    if key in SEVERAL:
        values = ",".join(override.sweep_string_iterator())
        raise UsageError(
            f"{override.input_line!r} would train the same net again for each {key}",
            hint=f"one training with several: '{key}=[{values}]'",
        )
    typed = override.input_line or ""
    value = typed.partition("=")[2]
    if override.value_type is ValueType.SIMPLE_CHOICE_SWEEP and os.path.lexists(value):
        raise UsageError(
            f"{typed!r} is a list of values, and {value} is also a path that exists",
            hint=quoting_hint(typed),
        )
    _check_range(override)
    try:
        return [f"{key}={value}" for value in override.sweep_string_iterator()]
    except (HydraException, OmegaConfBaseException) as error:  # a list within a list
        raise UsageError(
            f"{shortened(typed)!r} is a list of values, one of which is not valid",
            hint=f"one list: {key}=VALUE,VALUE",
        ) from error


def _check_range(override: Override) -> None:
    """Raise UsageError for a range without values, or with too many; other sweeps list theirs."""
    sweep = override.value()
    if not isinstance(sweep, RangeSweep):
        return
    typed = shortened(override.input_line or "")
    start, stop, step = sweep.start or 0, sweep.stop or 0, sweep.step
    if step == 0 or (stop - start) / step <= 0:
        raise UsageError(f"{typed!r} has no values", hint="range(START,STOP,STEP), as in range(3)")
    if (stop - start) / step > MOST_JOBS:
        raise UsageError(
            f"{typed!r} has more than {MOST_JOBS:,} values", hint="sweep fewer values at once"
        )
