"""Recorded figures of speed, read as one table."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from alexcli.errors import UsageError
from alexcli.files import read_limited
from alexcli.json_text import MOST_BYTES, parse_json
from alexcli.tables import Table

HINT = "a folder of files that `alexcli bench NAME --out FILE` wrote"


def recorded_table(folder: Path, names: Sequence[str]) -> Table:
    """The recorded comparisons with baselines, file by file.

    Args:
        folder: the folder of files that `bench --out` wrote.
        names: measurements (`step/train`), or their prefixes (`step`); none for all.

    Raises:
        UsageError: a file cannot be read, or nothing is recorded under such a name.
    """
    rows = [
        row
        for path in sorted(folder.glob("*.json"))
        for row in _rows(path)
        if not names or any(_is_below(str(row["measurement"]), name) for name in names)
    ]
    if not rows:
        raise UsageError(
            f"{folder} holds no such measurements: {', '.join(names) or 'none'}", hint=HINT
        )
    note = "ratio: median (least to most) of interleaved rounds, above 1: ours is better"
    return Table.from_records("recorded", rows, note)


def _is_below(measurement: str, name: str) -> bool:
    return f"{measurement}/".startswith(f"{name.rstrip('/')}/")


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """The comparisons of one file."""
    try:
        content = parse_json(read_limited(path, MOST_BYTES), allow_nan=True)
        for result in content["results"]:
            if result.get("ratio_median") is not None:
                yield _row(result, path.name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is not what `bench --out` writes", hint=HINT) from error


def _row(result: dict[str, Any], file: str) -> dict[str, Any]:
    ratio = f"{result['ratio_median']:.2f}"
    if result["n"] > 1:
        ratio += f" ({result['ratio_min']:.2f} to {result['ratio_max']:.2f})"
    return {
        "measurement": result["name"],
        "ours": f"{result['value']:,.4g} {result['unit']}",
        "against": result["against"],
        "ratio": ratio,
        "rounds": result["n"],
        "file": file,
    }
