"""Versions, code revision and devices of a run, so that it can be repeated."""

import importlib.metadata
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alexcli.run.machine import processor

PACKAGES = ("alexcli", "torch", "torchvision", "lightning", "numpy", "pillow")


def describe_environment() -> dict[str, Any]:
    """`{time, python, platform, packages: {name: version}, git, devices, threads}`.

    `git` is `{revision, dirty}`, or None when alexcli is installed from a wheel. `devices` names
    the GPUs; without any, the processor with the vector instructions that torch uses, such as
    AVX512, on which speed depends more than on the name.
    """
    import torch

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "git": git_state(),
        "devices": gpus or [f"{processor()} ({torch.backends.cpu.get_cpu_capability()})"],
        "threads": torch.get_num_threads(),
    }


def git_state() -> dict[str, Any] | None:
    """Revision and dirty flag of the code that runs, or None when it is not in a repository."""
    try:
        _git("ls-files", "--error-unmatch", Path(__file__).name)
        changed = _git("status", "--porcelain", "--", ":/src", ":/conf")
        return {"revision": _git("rev-parse", "HEAD"), "dirty": bool(changed)}
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str) -> str:
    """The output of a git command in the folder of this file."""
    folder = str(Path(__file__).resolve().parent)
    command = ["git", "-C", folder, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
