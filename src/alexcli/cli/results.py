"""Reading back what `alexcli eval --out` wrote."""

from pathlib import Path
from typing import Any

from alexcli.errors import UsageError
from alexcli.files import read_limited
from alexcli.json_text import MOST_BYTES, parse_json


def read_results(path: Path) -> list[dict[str, Any]]:
    """The rows of a results.json.

    Args:
        path: the file.

    Raises:
        UsageError: it cannot be read, or holds something else.
    """
    try:
        rows = parse_json(read_limited(path, MOST_BYTES), allow_nan=True)
        if isinstance(rows, list) and all(map(_is_row, rows)):
            return rows
    except (OSError, ValueError):
        pass
    raise UsageError(f"{path} is not what `eval --out` writes", hint="alexcli eval RUN --out DIR")


def _is_row(row: Any) -> bool:
    """Whether it is a row of `eval`, as far as it is read."""
    if not isinstance(row, dict) or not isinstance(row.get("protocol"), dict):
        return False
    members = row.get("members")
    return (
        all(isinstance(row.get(key), str) for key in ("name", "split"))
        and type(row["protocol"].get("views")) is int
        and _is_error(row.get("top1_err"))
        and "top5_err" in row
        and (row["top5_err"] is None or _is_error(row["top5_err"]))
        and (members is None or isinstance(members, list))
    )


def _is_error(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1
