"""Try the properties of tests/fuzz with ever new inputs, and count what was refused and used.

python -m tests.stress.fuzz [--minutes 10] [--out results/reliability/fuzz.json]
"""

import argparse
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from alexcli.files import write_atomic
from alexcli.run.environment import describe_environment


class Watch:
    """A plugin of pytest that ends the tests in time and keeps what failed.

    Args:
        end: when no further test begins, by time.monotonic.
    """

    def __init__(self, end: float) -> None:
        self.end = end
        self.failures: dict[str, str] = {}
        """By the name of the test, what it printed first: what follows may come of it."""

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Stop when the time is over."""
        if time.monotonic() > self.end:
            item.session.shouldstop = "the time is over"
            pytest.skip("the time is over")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a failure."""
        if report.failed:
            self.failures.setdefault(report.nodeid, str(report.longrepr)[-3000:])


def fuzz(minutes: float) -> dict[str, Any]:
    """Try every property again and again, each time with other inputs."""
    start = time.monotonic()
    watch = Watch(start + 60 * minutes)
    rounds = 0
    while time.monotonic() < watch.end:
        # A property may take as long as it does: on a busy machine that is no failure of it.
        options = ["-n", "0", "-q", "--timeout=0", "-p", "no:cacheprovider"]
        options.append(f"--hypothesis-seed={rounds}")
        pytest.main([*options, "tests/fuzz"], plugins=[watch])
        rounds += 1
    from tests.fuzz.outcomes import COUNTS  # pytest has to see its assertions first

    kinds: dict[str, dict[str, int]] = {}
    for (kind, outcome), count in sorted(COUNTS.items()):
        kinds.setdefault(kind, {"refused": 0, "used": 0})[outcome] = count
    return {
        "inputs": sum(COUNTS.values()),
        "kinds": kinds,
        "failures": watch.failures,
        "seconds": round(time.monotonic() - start),
        "rounds": rounds,
        "peak_memory_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def main() -> None:
    """Fuzz, and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    os.environ["ALEXCLI_FUZZ"] = "session"
    outcome = fuzz(options.minutes)
    outcome["command"] = " ".join(["python -m tests.stress.fuzz", *sys.argv[1:]])
    outcome["on"] = describe_environment()
    text = json.dumps(outcome, indent=1) + "\n"
    print(text)
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(options.out, text)
    sys.exit(1 if outcome["failures"] else 0)


if __name__ == "__main__":
    main()
