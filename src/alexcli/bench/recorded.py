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
    exact_rows = [
        row
        for path in sorted(folder.glob("*.json"))
        for row in _exact_rows(path)
        if not names or any(_is_below(str(row["measurement"]), name) for name in names)
    ]
    if not exact_rows:
        raise UsageError(
            f"{folder} holds no such measurements: {', '.join(names) or 'none'}", hint=HINT
        )
    note = "ratio: median (least to most) of interleaved rounds, above 1: ours is better"
    rows = [_row(row) for row in exact_rows]
    return Table.from_records(
        "recorded", rows, note, exact=Table.from_records("recorded", exact_rows)
    )


def _is_below(measurement: str, name: str) -> bool:
    return f"{measurement}/".startswith(f"{name.rstrip('/')}/")


def _exact_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The comparisons of one file, as they were measured."""
    try:
        content = parse_json(read_limited(path, MOST_BYTES), allow_nan=True)
        for result in content["results"]:
            if result.get("ratio_median") is not None:
                yield _exact_row(result, path.name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is not what `bench --out` writes", hint=HINT) from error


def _exact_row(result: dict[str, Any], file: str) -> dict[str, Any]:
    return {
        "measurement": result["name"],
        "ours": float(result["value"]),
        "unit": result["unit"],
        "against": result["against"],
        "ratio": float(result["ratio_median"]),
        "from": float(result["ratio_min"]),
        "to": float(result["ratio_max"]),
        "rounds": int(result["n"]),
        "file": file,
    }


def _row(exact: dict[str, Any]) -> dict[str, Any]:
    """A comparison for people."""
    ratio = f"{exact['ratio']:.2f}"
    if exact["rounds"] > 1:
        ratio += f" ({exact['from']:.2f} to {exact['to']:.2f})"
    return {
        "measurement": exact["measurement"],
        "ours": f"{exact['ours']:,.4g} {exact['unit']}",
        "against": exact["against"],
        "ratio": ratio,
        "rounds": exact["rounds"],
        "file": exact["file"],
    }
