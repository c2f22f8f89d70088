"""Loggers of a run: each gets every line of metrics.jsonl once, even after a kill."""
