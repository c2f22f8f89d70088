"""Benchmarks: our implementation and its baselines, interleaved in one run."""
