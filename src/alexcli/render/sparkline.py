"""A curve in one line of text."""

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
MOST_BLOCKS = 40


def sparkline(values: Sequence[float]) -> str:
    """Blocks whose heights follow the values, from the smallest to the largest.

    Args:
        values: finite numbers, at least one; if there are more than MOST_BLOCKS, evenly spaced ones
            are taken, the first and the last always.
    """
    count = min(len(values), MOST_BLOCKS)
    last = len(values) - 1
    chosen = [values[round(i * last / max(1, count - 1))] for i in range(count)]
    low = min(chosen)
    height = max(chosen) - low or 1.0
    top = len(BLOCKS) - 1
    return "".join(BLOCKS[round(top * (value - low) / height)] for value in chosen)
