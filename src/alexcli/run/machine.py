"""The memory and cores that this process may use, within the limits of a container."""

import contextlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
"""Where Linux shows the limits of containers and jobs."""
MEMINFO = Path("/proc/meminfo")
"""Where Linux shows how much memory is free."""
LARGEST_LIMIT = 1 << 60
"""Bytes; cgroups v1 expresses "no limit" by a larger number."""


def processor() -> str:
    """The name of the processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, name = line.partition(":")
            if key.strip() == "model name":
                return name.strip()
    return platform.processor() or platform.machine()


def cores() -> float:
    """Cores that this process may use, within its affinity and the limits of its cgroups."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = float(len(affinity(0)) if affinity else os.cpu_count() or 1)
    for folder in _cgroup_folders("cpu"):
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
            quota, period = (folder / "cpu.max").read_text().split()
            count = min(count, int(quota) / int(period))
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
            quota_1 = int((folder / "cpu.cfs_quota_us").read_text())
            if quota_1 > 0:
                count = min(count, quota_1 / int((folder / "cpu.cfs_period_us").read_text()))
    return count


def memory_bytes() -> int | None:
    """Memory of the machine; None if the operating system does not tell."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def available_bytes() -> int | None:
    """Memory that this process can take without harming others, including swap space.

    Returns:
        The memory that is free or can be freed, or the limit of the cgroups if that is less; None
        if neither is known.
    """
    free = memory_bytes()
    with contextlib.suppress(OSError, ValueError, KeyError):
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
        pairs = (line.split(":") for line in lines)
        kibibytes = {key: int(value.split()[0]) for key, value in pairs}
        free = 1024 * (kibibytes["MemAvailable"] + kibibytes["SwapFree"])
    limit = memory_limit_bytes()
    bounds = [count for count in (free, limit) if count is not None]
    return min(bounds, default=None)


def memory_limit_bytes() -> int | None:
    """The smallest limit of the cgroups that this process is in; None without one."""
    limits = []
    for folder in _cgroup_folders("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            with contextlib.suppress(OSError, ValueError):  # "max" is no number
                limits.append(int((folder / name).read_text()))
    return min((limit for limit in limits if limit < LARGEST_LIMIT), default=None)


def _cgroup_folders(controller: str) -> Iterator[Path]:
    """The folders of the cgroups of this process, from its own up to the root.

    Args:
        controller: a controller of cgroups v1, which has a folder for each.
    """
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = CGROUPS / controller if controllers else CGROUPS
        folder = root / path.lstrip("/")
        yield folder
        yield from (parent for parent in folder.parents if parent.is_relative_to(root))
