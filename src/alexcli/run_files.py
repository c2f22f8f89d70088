"""Names of the files in a run directory; run/directory.py says what is in them."""

from pathlib import Path

DEFAULT_RUNS = Path("runs")
"""The directory of all runs, unless another is named."""

CONFIG = "config.yaml"
CLASSES = "classes.json"
ENVIRONMENT = "environment.json"
METRICS = "metrics.jsonl"
UNITS = "units.jsonl"
RESULT = "result.json"
LAST = "last.ckpt"
PREVIOUS = "previous.ckpt"
BEST = "best.ckpt"
UNSAVED = ("last.tmp", "best.tmp")
"""Checkpoints that a killed process has not written to their ends."""
EVERY_RUN = f"*/*/{CONFIG}"
"""Pattern of the configurations of all runs, below the directory of runs."""
EVERY_CHECKPOINT = f"*/*/{LAST}"
"""Pattern of the last checkpoints of all runs, below the directory of runs."""
