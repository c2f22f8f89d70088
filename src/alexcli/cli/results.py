"""Reading back what `alexcli eval --out` wrote."""

import json
from pathlib import Path
from typing import Any

from alexcli.errors import UsageError

EXPECTED_KEYS = {"name", "split", "protocol", "top1_err", "top5_err"}


def read_results(path: Path) -> list[dict[str, Any]]:
    """The rows of a results.json.

    Args:
        path: the file.

    Raises:
        UsageError: it cannot be read, or holds something else.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        if all(set(row) >= EXPECTED_KEYS for row in rows):
            return list(rows)
    except (OSError, ValueError, TypeError):
        pass
    raise UsageError(f"{path} is not what `eval --out` writes", hint="alexcli eval RUN --out DIR")
