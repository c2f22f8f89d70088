"""Run directories: runs/<label>/s<seed>-<fingerprint>, what is in them, and how they are found."""

import contextlib
import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from alexcli.config import from_mapping, to_mapping
from alexcli.data.names import human_names
from alexcli.errors import AlexcliError, RunFailedError, UsageError, beside, written
from alexcli.results import EpochRow, Reporter
from alexcli.schema import TrainSpec

# Where the pictures lie, how many processes read them: nothing that changes a pixel.
DATA_LEFT_OUT = ("root", "workers", "download", "on_error", "val_labels")
PACKAGES = ("alexcli", "torch", "torchvision", "lightning", "torchmetrics", "numpy", "pillow")


def settings_digest(spec: TrainSpec, **resolved: str | None) -> str:
    """Eight hexadecimal digits of everything that can change the result.

    Args:
        spec: the configuration.
        resolved: what data and machine make of it, see build.directory_for; nothing for the
            digits of the choices alone.
    """
    whole = to_mapping(spec)
    kept: dict[str, Any] = {key: whole[key] for key in ("model", "augment", "optim", "seed")}
    if kept["model"]["torchvision"] is None:  # as every run from before there was a choice
        del kept["model"]["torchvision"]
    del kept["model"]["lrn"]["impl"]  # like threads and placement, it changes rounding alone
    kept["data"] = {k: v for k, v in whole["data"].items() if k not in DATA_LEFT_OUT}
    kept["stop"] = spec.trainer.stop_at_train_error
    if spec.init.layers is not None:
        kept["init"] = list(spec.init.layers)
    text = json.dumps(kept | resolved)  # in order: that of layers and of parameter groups matters
    return hashlib.sha256(text.encode()).hexdigest()[:8]


class RunDirectory:
    """A run on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = f"{path.parent.name}/{path.name}"
        self.config = path / "config.yaml"
        """The resolved configuration."""
        self.result_file = path / "result.json"
        """Present when the run is finished."""
        self.metrics = path / "metrics.jsonl"
        """One line per pass, see results.EpochRow."""
        self.last = path / "last.ckpt"
        """Checkpoint of the last epoch, or of the step at which the run was interrupted; best.ckpt,
        of the lowest validation top-1 error, is for those who name it."""

    def result(self) -> dict[str, Any] | None:
        """The content of result.json, or None for an unfinished run."""
        try:
            found = json.loads(self.result_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise UsageError.of("run.result", result_file=self.result_file, error=error) from error
        return found if isinstance(found, dict) else None

    def read_config(self) -> TrainSpec:
        """The configuration of a run; plain data, checked like any other."""
        try:
            mapping = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UsageError.of("run.none", path=self.path) from None
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise UsageError.of("run.config", config=self.config, error=error) from error
        return from_mapping(mapping, TrainSpec, source=self.config)

    def names(self, classes: Sequence[str]) -> list[str]:
        """Words for people in the order of `classes`, from classes.json if the run has one."""
        try:
            stored = json.loads((self.path / "classes.json").read_text(encoding="utf-8"))
            known = {str(entry["class"]): str(entry["name"]) for entry in stored}
        except (OSError, ValueError, TypeError, KeyError):
            return human_names(classes)
        return [known.get(name, name) for name in classes]

    def create(self, spec: TrainSpec, classes: Sequence[str]) -> dict[str, Any]:
        """Make the directory and write what is known before the first step; the environment.

        Args:
            spec: the resolved configuration.
            classes: in the order of the outputs.

        Raises:
            UsageError: not writable.
        """
        with written(f"the run directory {self.path}", hint="choose another place: runs=DIR"):
            self.path.mkdir(parents=True, exist_ok=True)
            self.config.write_text(yaml.safe_dump(to_mapping(spec), sort_keys=False), "utf-8")
            here = environment()
            (self.path / "environment.json").write_text(json.dumps(here, indent=1) + "\n")
            root = Path(spec.data.root) if spec.data.root else None
            named = enumerate(zip(classes, human_names(classes, root), strict=True))
            lines = [json.dumps({"index": i, "class": c, "name": n}) for i, (c, n) in named]
            text = "[\n " + ",\n ".join(lines) + "\n]\n"
            (self.path / "classes.json").write_text(text, encoding="utf-8")
        return here

    def put_aside(self) -> Path:
        """Rename a run that is to start over, so that nothing is lost; where it went."""
        number = 1
        while self.path.with_name(f"{self.path.name}~{number}").exists():
            number += 1
        return self.path.rename(self.path.with_name(f"{self.path.name}~{number}"))

    def rows(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl, but for one that a kill has cut off."""
        found = []
        for line in self.metrics.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found

    def forget_after(self, step: int) -> None:
        """Drop lines of metrics.jsonl that lie after a checkpoint's step: they will come again."""
        if self.metrics.exists():
            kept = [json.dumps(row) + "\n" for row in self.rows() if row["step"] <= step]
            _replace(self.metrics, "".join(kept))

    def finish(self, kind: str, result: dict[str, Any]) -> dict[str, Any]:
        """Write result.json, whole or not at all, with kind, name and time; its content."""
        finished = datetime.now(UTC).isoformat()
        whole = {"kind": kind, "name": self.name, **result, "finished": finished}
        _replace(self.result_file, json.dumps(whole, indent=1) + "\n")
        return whole

    @contextlib.contextmanager
    def logged(self, reporter: Reporter) -> Iterator[Reporter]:
        """A reporter that also writes train.log; so is an expected error before it passes on."""
        handler = logging.FileHandler(self.path / "train.log", encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log, theirs = logging.getLogger("alexcli.run"), logging.getLogger("lightning.pytorch")
        log.handlers, theirs.handlers = [handler], [handler]  # Lightning's own messages too
        log.setLevel(logging.INFO)
        log.propagate = False
        try:
            yield _Both(reporter, log)
        except AlexcliError as error:
            log.error("%s", error.message)
            raise
        finally:
            reporter.close()
            handler.close()
            log.handlers, theirs.handlers = [], []

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory for one process, in a folder that is made if need be.

        Raises:
            UsageError: the folder cannot be written, or another process trains here.
            RunFailedError: a file could not be written later on; names it.
        """
        with written(f"the run directory {self.path}", hint="choose another place: runs=DIR"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not os.access(self.path.parent, os.W_OK):
                raise PermissionError(f"{self.path.parent} is write-protected")
        try:
            with FileLock(self.path.parent / f".{self.path.name}.lock").acquire(timeout=0):
                yield
        except Timeout:
            raise UsageError.of("run.locked", path=self.path) from None
        except OSError as error:
            file, why = error.filename or self.path, error.strerror or error
            raise RunFailedError.of("run.unwritable", file=file, why=why) from error


def _replace(path: Path, text: str) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


class _Both:
    """Tells the reporter, and writes what lasts to train.log."""

    def __init__(self, reporter: Reporter, log: logging.Logger) -> None:
        self.reporter, self.log = reporter, log
        self.counted, self.step, self.close = reporter.counted, reporter.step, reporter.close

    def note(self, text: str) -> None:
        self.log.info("%s", text)
        self.reporter.note(text)

    def warn(self, text: str) -> None:
        self.log.warning("%s", text)
        self.reporter.warn(text)

    def epoch(self, rows: list[EpochRow], epochs: int) -> None:
        for row in rows:
            error = f"loss {row.loss:.4f} top-1 error {row.top1_err:.4f}"
            self.log.info("epoch %d/%d %s %s", row.epoch, epochs, row.split, error)
        self.reporter.epoch(rows, epochs)


def newest(runs: Path, kinds: Sequence[str] = ("train",)) -> RunDirectory:
    """The newest finished run of the given kinds (train, import), never an ablation's arm.

    Raises:
        UsageError: there is none.
    """
    found: dict[str, RunDirectory] = {}
    for file in runs.glob("*/*/result.json"):
        run = RunDirectory(file.parent)
        result = ({} if "~" in run.name else run.result()) or {}
        if result.get("kind") in kinds and not result.get("arm"):
            found[str(result.get("finished", ""))] = run
    if not found:
        raise UsageError.of("run.no_finished", kinds=" or ".join(kinds), runs=runs.absolute())
    return found[max(found)]


def locate(named: str) -> tuple[RunDirectory, Path]:
    """The run and the checkpoint that a path means: a run directory, or a .ckpt file.

    A directory means its `last` checkpoint, the net as training left it; `best.ckpt` can be named.

    Raises:
        UsageError: no such path, or no checkpoint there.
    """
    path = Path(named).expanduser()
    folder, word = path.parent, path.name
    if path.is_dir():
        run = RunDirectory(path)
        if not run.last.exists():
            raise UsageError.of("run.no_checkpoint", path=path)
        return run, run.last
    if not path.exists():
        known = beside(path)
        raise UsageError.of("run.nothing_there", folder=folder, word=word, known=known, named=named)
    return RunDirectory(folder), path


def environment() -> dict[str, Any]:
    """Versions, code revision and device names, for whoever repeats the run."""
    import torch

    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "git": _git(),
        "devices": devices or [platform.processor() or platform.machine()],
        "threads": torch.get_num_threads(),
    }


def _git() -> dict[str, Any] | None:
    """Revision and dirty flag of the code that runs, or None when it is installed from a wheel."""
    here = Path(__file__).resolve().parent

    def git(*words: str) -> str:
        command = ["git", "-C", str(here), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)
        changed = git("status", "--porcelain", "--", ":/src", ":/conf")
        return {"revision": git("rev-parse", "HEAD"), "dirty": bool(changed)}
    except (OSError, subprocess.CalledProcessError):
        return None
