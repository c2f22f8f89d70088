"""The names of all claims, for shell completion, which cannot wait for the whole ledger."""

import re
from pathlib import Path

LEDGER = Path(__file__).with_name("claims.yaml")

NAME = re.compile(r"^  (\w+):$", re.M)
"""A key at the first level below `claims:`."""


def claim_names() -> list[str]:
    """Names in the order of the ledger."""
    return NAME.findall(LEDGER.read_text(encoding="utf-8"))
