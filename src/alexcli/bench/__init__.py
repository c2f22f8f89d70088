"""Benchmarks: our path and its rivals, alternated in one run."""
