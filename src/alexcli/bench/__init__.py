"""Benchmarks: our path and its baselines, interleaved in one run."""
