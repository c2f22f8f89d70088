"""Fixtures of these tests."""

from tests.finished_run import finished_runs, run

__all__ = ["finished_runs", "run"]
