"""The options of `ablate` and `report` that say how many seeds, how exactly and for how long."""

import re
from typing import TYPE_CHECKING

from alexcli.errors import UsageError
from alexcli.schema.ablation import MOST_POINTS, MOST_SEEDS

if TYPE_CHECKING:  # numpy and torch would slow down every --help
    from alexcli.ablation.precision import AutoSeeds

AUTO = "auto"
"""The value of --seeds that takes as many as a precision needs."""
MINUTES = {"": 1, "m": 1, "h": 60, "d": 24 * 60}
"""Minutes of each unit that --budget may end in."""


def parse_seeds(text: str) -> int | None:
    """A number of seeds, or None for auto.

    Raises:
        UsageError: neither.
    """
    if text == AUTO:
        return None
    if text.isdecimal() and len(text) <= len(str(MOST_SEEDS)) and 0 < int(text) <= MOST_SEEDS:
        return int(text)
    raise UsageError(
        f"--seeds {text[:40]} is neither auto nor a number of seeds up to {MOST_SEEDS:,}",
        hint="--seeds 5",
    )


def parse_budget(text: str | None) -> float | None:
    """Minutes of a budget such as 30, 90m, 2h or 3d; None for none.

    Raises:
        UsageError: not a time, or none at all.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,7}(?:\.\d{1,3})?)([mhd]?)", text)
    if match is None or not float(match[1]):
        raise UsageError(
            f"--budget {text} is not a time: minutes, or a number with m, h or d",
            hint="--budget 30, --budget 2h",
        )
    return float(match[1]) * MINUTES[match[2]]


def auto_seeds(
    seeds: int | None, precision: float | None, budget: str | None
) -> "AutoSeeds | None":
    """What `--seeds auto` aims at; None where the number of seeds is given.

    Args:
        seeds: as parse_seeds gives it.
        precision: points of error.
        budget: as it is typed.

    Raises:
        UsageError: a precision or a budget that is none, or beside a number of seeds.
    """
    minutes = parse_budget(budget)
    if precision is not None and not 0 < precision <= MOST_POINTS:
        raise UsageError(
            f"--precision {precision:g} is not above 0 and at most {MOST_POINTS} points",
            hint="--precision 0.5, which is the default",
        )
    if seeds is None:
        from alexcli.ablation.precision import AutoSeeds

        return AutoSeeds(None if precision is None else precision / 100, minutes)
    for option, value in (("--precision", precision), ("--budget", budget)):
        if value is None:
            continue
        reason = "one seed has no interval" if seeds == 1 else "--seeds already sets it"
        raise UsageError(
            f"{option} {value} determines the number of seeds, but {reason}",
            hint=f"leave out {option}, or --seeds {seeds}",
        )
    return None
