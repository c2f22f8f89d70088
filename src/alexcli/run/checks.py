"""Checking this machine for training: versions, hardware, permissions, a few training steps.

If a check itself fails, it reports the reason, and the other checks still run.
"""

import importlib.metadata
import math
import os
import platform
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from alexcli.errors import AlexcliError, plural
from alexcli.files import cache_dir
from alexcli.records.check import Check
from alexcli.reporter import Reporter
from alexcli.run.machine import cores, memory_bytes, memory_limit_bytes, processor

PACKAGES = (
    *("torch", "torchvision", "lightning", "hydra-core", "omegaconf", "typer", "rich", "wandb"),
    *("numpy", "numba", "scipy", "matplotlib", "pillow", "safetensors"),
    *("jinja2", "xxhash", "filelock", "fsspec", "pyyaml"),
)
"""The packages that alexcli needs; the dependencies in pyproject.toml."""
EXTRAS = (
    *("onnx", "onnxscript", "onnxruntime", "protobuf", "tensorboard", "mlflow"),
    *("scikit-learn", "submitit", "s3fs", "gcsfs"),
)
"""The packages that some commands need; the extras in pyproject.toml, but for `dev`."""
HOSTS = {
    "download.pytorch.org": "published weights",
    "www.cs.toronto.edu": "CIFAR",
    "s3.amazonaws.com": "Imagenette",
}
"""The hosts from which alexcli downloads, and what comes from each."""
NETWORK_SECONDS = 2.0
TRAINING_SECONDS = 2.0
LEAST_FREE_BYTES = 1 << 30
GIB = 1 << 30


def run_checks(reporter: Reporter) -> list[Check]:
    """Run all checks, in the order of the report.

    Args:
        reporter: receives the name of the running check.
    """
    results: list[Check] = []
    for number, (name, check) in enumerate(CHECKS.items()):
        reporter.progress(f"checking {name}", number, len(CHECKS))
        results += _results(name, check)
    reporter.close()
    return results


def _results(name: str, check: Callable[[], Iterator[Check]]) -> list[Check]:
    """The results of a check; if the check itself fails, the reason."""
    try:
        return list(check())
    except AlexcliError as error:
        return [Check(name, error.message, broken=True, hint=error.hint or "")]
    except Exception as error:  # any error belongs in the report
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        return [Check(name, f"{type(error).__name__}: {reason}", broken=True)]


def _versions() -> Iterator[Check]:
    from alexcli.run.environment import git_state

    git = git_state()
    revision = f", revision {git['revision'][:9]}{' changed' * git['dirty']}" if git else ""
    yield Check("alexcli", _version("alexcli") + revision)
    yield Check("python", f"{platform.python_version()} on {platform.platform()}")
    missing = [name for name in PACKAGES if _version(name) == ABSENT]
    yield Check(
        "packages",
        ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        broken=bool(missing),
        hint=f"pip install {' '.join(missing)}" if missing else "",
    )
    yield Check("extras", ", ".join(f"{name} {_version(name)}" for name in EXTRAS))


ABSENT = "absent"


def _version(package: str) -> str:
    """The version of an installed package, or ABSENT."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ABSENT


def _device() -> Iterator[Check]:
    import torch

    threads = plural(torch.get_num_threads(), "thread")
    yield Check("processor", f"{processor()}, {threads} of torch")
    versions = {"CUDA": torch.version.cuda, "ROCm": torch.version.hip}
    built_for = " and ".join(f"{name} {version}" for name, version in versions.items() if version)
    for index in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(index)
        memory = f"{gpu.total_memory / GIB:.1f} GiB, capability {gpu.major}.{gpu.minor}"
        yield Check(f"GPU {index}", f"{gpu.name}, {memory}, torch for {built_for}")
    if not torch.cuda.is_available():
        hint = "if there is a GPU, its driver is missing or too old" if built_for else ""
        yield Check("GPU", f"none; torch is built for {built_for or 'CPUs only'}", hint=hint)


def _memory() -> Iterator[Check]:
    machine = memory_bytes()
    limit = memory_limit_bytes()
    parts = ["unknown" if machine is None else f"{machine / GIB:.1f} GiB in the machine"]
    if limit is not None and (machine is None or limit < machine):
        parts.append(f"{limit / GIB:.1f} GiB for this container")
    yield Check("memory", ", ".join(parts))


def _cores() -> Iterator[Check]:
    yield Check("cores", f"{cores():g} of {os.cpu_count()} can be used here")


def _precision() -> Iterator[Check]:
    from alexcli.config.compose import compose
    from alexcli.run.resolve import resolve_device, resolve_precision
    from alexcli.schema import TrainSpec

    spec = compose([], TrainSpec)
    yield Check("precision", f"{resolve_precision(spec).name} on {resolve_device(spec).type}")


def _compilers() -> Iterator[Check]:
    from alexcli.model.compiled import describe
    from alexcli.run.resolve import has_compiler

    yield Check("loops of the CPU", describe())
    description = "found" if has_compiler() else "absent: trainer.compile has no effect"
    yield Check("C++ compiler", description)


def _folders() -> Iterator[Check]:
    yield _writable("cache", cache_dir(), broken=True, hint="ALEXCLI_CACHE names another folder")
    here = Path.cwd()
    yield _writable("working directory", here, broken=False, hint="runs=DIR names another place")


def _writable(name: str, folder: Path, *, broken: bool, hint: str) -> Check:
    """Whether a folder can be written, and how much free space it has.

    Args:
        name: of the check.
        folder: to be tried.
        broken: whether nothing works without it.
        hint: what else can be done.
    """
    home = str(Path.home())
    shown = str(folder)
    if shown.startswith(f"{home}/"):  # a report for others should not contain the user's name
        shown = f"~{shown.removeprefix(home)}"
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"alexcli")
    except OSError as error:
        return Check(name, f"{shown} cannot be written: {error.strerror}", broken, hint)
    free = shutil.disk_usage(folder).free
    little = "little room: a checkpoint of the full net takes 0.5 GB"
    return Check(
        name, f"{shown}, {free / GIB:,.1f} GiB free", hint=little if free < LEAST_FREE_BYTES else ""
    )


def _training() -> Iterator[Check]:
    from alexcli.config.compose import compose
    from alexcli.run.timing import train_for
    from alexcli.schema import TrainSpec

    overrides = ["experiment=quickstart", "data.train_count=512", "data.val_count=10"]
    spec = compose([*overrides, "data.test_count=10", "trainer.compile=false"], TrainSpec)
    steps, seconds, loss = train_for(TRAINING_SECONDS, spec)
    images = steps * spec.optim.batch_size
    description = f"{images / seconds:,.0f} images/s, {plural(steps, 'update')} of the quick start"
    is_finite = math.isfinite(loss)
    yield Check(
        "training",
        description if is_finite else f"{description}, and the loss is {loss}",
        broken=not is_finite,
        hint="" if is_finite else "trainer.precision=float32",
    )


def _network() -> Iterator[Check]:
    reached: dict[str, str] = {}
    threads = [
        threading.Thread(target=_connect, args=(host, reached), daemon=True) for host in HOSTS
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + NETWORK_SECONDS
    for thread in threads:  # a name lookup has no timeout of its own
        thread.join(max(0.0, until - time.monotonic()))
    description = [f"{host} {reached.get(host, 'does not answer')}" for host in HOSTS]
    offline = "offline: give data by data.root=DIR, weights by a file"
    proxies = [name for name in ("https_proxy", "HTTPS_PROXY") if os.environ.get(name)]
    note = "a proxy is set, which this check does not use" if proxies else offline
    all_reached = all(reached.get(host) == "answers" for host in HOSTS)
    yield Check("network", ", ".join(description), hint="" if all_reached else note)


def _connect(host: str, reached: dict[str, str]) -> None:
    """Record whether a host answers."""
    try:
        socket.create_connection((host, 443), timeout=NETWORK_SECONDS).close()
    except OSError:
        reached[host] = "does not answer"
    else:
        reached[host] = "answers"


CHECKS: dict[str, Callable[[], Iterator[Check]]] = {
    "versions": _versions,
    "device": _device,
    "memory": _memory,
    "cores": _cores,
    "precision": _precision,
    "compilers": _compilers,
    "folders": _folders,
    "training": _training,
    "network": _network,
}
"""The checks, in the order of the report."""
