"""Run directories: runs/<label>/s<seed>-<fingerprint>, and what is in them."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from alexcli import run_files
from alexcli.config.mapping import to_mapping
from alexcli.config.saved import from_mapping
from alexcli.config.yaml_text import read_yaml_file
from alexcli.data.names import human_names
from alexcli.errors import UsageError
from alexcli.files import read_limited, refused_by_system, write_atomic, writing
from alexcli.json_text import MOST_BYTES, parse_json
from alexcli.reporter import Reporter
from alexcli.run.environment import describe_environment
from alexcli.run.log import logged_to
from alexcli.run.result_file import is_row, is_units_row, read_result
from alexcli.schema import TrainSpec

LABEL_PUNCTUATION = "-_."
LONGEST_LABEL = 200
"""Bytes; file systems allow 255 in a name, and some of our names add to the label."""

ANOTHER_PLACE = "choose another place: runs=DIR"


class RunDirectory:
    """A run on disk.

    Args:
        path: the run directory, which need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = f"{path.parent.name}/{path.name}"
        self.config = path / run_files.CONFIG
        """The resolved configuration."""
        self.result_file = path / run_files.RESULT
        """Present when the run is finished."""
        self.metrics = path / run_files.METRICS
        """One line per pass, see records.training.EpochRow."""
        self.units = path / run_files.UNITS
        """One line per epoch, see records.training.UnitsRow."""
        self.process_log = path.parent / f".{path.name}.log"
        """Output of its process if a study starts it, which may fail before there is a run."""
        self.classes_file = path / run_files.CLASSES
        """The classes in the order of the outputs, with their names for people."""
        self.environment_file = path / run_files.ENVIRONMENT
        """Versions, code revision and devices."""
        self.kept_conf = path / "conf"
        """Copies of the user's yaml files that the configuration was composed from."""
        self.last = path / run_files.LAST
        """Checkpoint of the last epoch, or of the step at which the run was interrupted."""
        self.previous = path / run_files.PREVIOUS
        """The checkpoint before `last`, until the run is finished."""
        self.best = path / run_files.BEST
        """Checkpoint of the lowest validation top-1 error, used only if it is named."""

    @property
    def begun(self) -> bool:
        """Whether there is a checkpoint from which the training can resume."""
        return any(path.exists() for path in (self.last, self.previous, self.best))

    def is_last(self, checkpoint: Path) -> bool:
        """Whether a path, perhaps a link, leads to `last`."""
        return checkpoint.resolve() == self.last.resolve()

    @property
    def is_imported(self) -> bool:
        """Whether its weights were imported, not trained by alexcli."""
        return (self.result() or {}).get("kind") == "import"

    def result(self) -> dict[str, Any] | None:
        """The content of result.json, or None for an unfinished run.

        Raises:
            UsageError: it cannot be read, or is not what a run writes.
        """
        try:
            return read_result(self.result_file)
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            raise UsageError(
                f"{self.path} cannot be a folder: a part of its path is a file", hint=ANOTHER_PLACE
            ) from None
        except OSError as error:
            raise UsageError(
                f"{self.result_file} cannot be read: {error.strerror}", hint="check its permissions"
            ) from error
        except ValueError as error:
            raise UsageError(
                f"{self.result_file} cannot be read: {error}",
                hint="remove it; the same train command then resumes from last.ckpt",
            ) from error

    def read_config(self) -> TrainSpec:
        """The configuration of a run; plain data, checked like any other.

        Raises:
            UsageError: not a run, unreadable, or an invalid configuration.
        """
        try:
            mapping = read_yaml_file(self.config)
        except FileNotFoundError:
            raise UsageError(
                f"{self.path} is not a run: it has no config.yaml",
                hint="alexcli train makes runs; a checkpoint needs the config.yaml of its run "
                "beside it",
            ) from None
        except (OSError, ValueError) as error:
            raise UsageError(
                f"{self.config} cannot be read: {error}",
                hint="alexcli config show with the overrides of its train command prints its "
                "content",
            ) from error
        return from_mapping(mapping, TrainSpec, source=self.config)

    def class_names(self, classes: Sequence[str]) -> list[str]:
        """Names for people in the order of `classes`, from classes.json if the run has one.

        Args:
            classes: as the data has them (WNIDs of ImageNet).
        """
        try:
            entries = parse_json(read_limited(self.classes_file, MOST_BYTES))
            names = {str(entry["class"]): str(entry["name"]) for entry in entries}
        except (OSError, ValueError, TypeError, KeyError):
            return human_names(classes)
        return [names.get(class_, class_) for class_ in classes]

    def create(
        self, spec: TrainSpec, classes: Sequence[str], conf: Mapping[Path, bytes] | None = None
    ) -> dict[str, Any]:
        """Make the directory and write what is known before the first step.

        Args:
            spec: the resolved configuration.
            classes: in the order of the outputs.
            conf: the user's yaml files, relative to their folder, with their content.

        Returns:
            The environment (see environment.describe_environment).

        Raises:
            UsageError: not writable.
        """
        with writing(f"the run directory {self.path}", hint=ANOTHER_PLACE):
            self.path.mkdir(parents=True, exist_ok=True)
            config = yaml.safe_dump(to_mapping(spec), sort_keys=False)
            write_atomic(self.config, config)
            for file, content in (conf or {}).items():
                (self.kept_conf / file).parent.mkdir(parents=True, exist_ok=True)
                write_atomic(self.kept_conf / file, content)
            environment = describe_environment()
            text = json.dumps(environment, indent=1) + "\n"
            write_atomic(self.environment_file, text)
            self._write_classes(classes, Path(spec.data.root) if spec.data.root else None)
        return environment

    def _write_classes(self, classes: Sequence[str], root: Path | None) -> None:
        """Write classes.json, a line for each class."""
        names = human_names(classes, root)
        lines = [
            json.dumps({"index": index, "class": class_, "name": name})
            for index, (class_, name) in enumerate(zip(classes, names, strict=True))
        ]
        text = "[\n " + ",\n ".join(lines) + "\n]\n"
        write_atomic(self.classes_file, text)

    def keep_old(self) -> Path:
        """Rename a run that is to start over to NAME~1, NAME~2 ..., so that nothing is lost.

        Returns:
            The new path.
        """
        number = 1
        while self.path.with_name(f"{self.path.name}~{number}").exists():
            number += 1
        return self.path.rename(self.path.with_name(f"{self.path.name}~{number}"))

    def rows(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl; none if the file is missing.

        Lines that are not rows, such as one cut off when the process was killed, are left out.

        Raises:
            UsageError: the file cannot be read.
        """
        return _lines(self.metrics, is_row)

    def unit_rows(self) -> list[dict[str, Any]]:
        """The lines of units.jsonl, read likewise; none for a run from before it was recorded."""
        return _lines(self.units, is_units_row)

    def forget_after(self, step: int) -> None:
        """Drop lines of metrics.jsonl and units.jsonl after a checkpoint's step.

        They will be written again.
        """
        for path, rows in ((self.metrics, self.rows), (self.units, self.unit_rows)):
            if path.exists():
                lines = [json.dumps(row) + "\n" for row in rows() if row["step"] <= step]
                write_atomic(path, "".join(lines))

    def append_row(self, row: dict[str, Any]) -> None:
        """Add a line to metrics.jsonl, and drop what is not a row, such as a line cut off."""
        lines = [json.dumps(recorded) + "\n" for recorded in [*self.rows(), row]]
        write_atomic(self.metrics, "".join(lines))

    def finish(self, kind: str, result: dict[str, Any]) -> dict[str, Any]:
        """Write result.json, whole or not at all.

        Args:
            kind: the command that made the run: train or import.
            result: the results of the run.

        Returns:
            The file's content: the result with kind, name and time.
        """
        finished = datetime.now(UTC).isoformat()
        content = {"kind": kind, "name": self.name, **result, "finished": finished}
        write_atomic(self.result_file, json.dumps(content, indent=1) + "\n")
        return content

    def add_to_result(self, key: str, value: dict[str, Any]) -> dict[str, Any]:
        """Add to result.json what was measured after the run had finished.

        Args:
            key: of the file's content.
            value: what was measured.

        Returns:
            The value.
        """
        content = {**(self.result() or {}), key: value}
        write_atomic(self.result_file, json.dumps(content, indent=1) + "\n")
        return value

    def logged(self, reporter: Reporter) -> contextlib.AbstractContextManager[Reporter]:
        """A reporter that also writes train.log; see log.logged_to."""
        return logged_to(self.path / "train.log", reporter)

    def make_parent(self) -> None:
        """Make the folder that the directory lies in.

        Raises:
            UsageError: it cannot be made or written.
        """
        with writing(f"the run directory {self.path}", hint=ANOTHER_PLACE):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not os.access(self.path.parent, os.W_OK):
                raise PermissionError(f"{self.path.parent} is write-protected")

    @contextlib.contextmanager
    def locked(self, *, hint: str = "wait for it, or change the seed") -> Iterator[None]:
        """Lock the directory for one process; its parent folder is made if necessary.

        Args:
            hint: what to do if another process trains here.

        Raises:
            UsageError: the folder cannot be written, or another process trains here.
            RunFailedError: the system refuses a file later; names it.
        """
        self.make_parent()
        try:
            with FileLock(self.path.parent / f".{self.path.name}.lock").acquire(timeout=0):
                yield
        except Timeout:
            raise UsageError(f"another process is training {self.path}", hint=hint) from None
        except OSError as error:
            raise refused_by_system(error, self.path) from error


def _lines(path: Path, fits: Callable[[Any], bool]) -> list[dict[str, Any]]:
    """The lines of a file that have what its readers rely on; none if the file is missing.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        text = read_limited(path, MOST_BYTES).decode("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}", hint="--run RUN") from error
    rows = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            row = parse_json(line, allow_nan=True)
            if fits(row):
                rows.append(row)
    return rows


def run_label(spec: TrainSpec) -> str:
    """The name of the folder that contains a run's directory: `label`, or model and data.

    Raises:
        UsageError: it is not valid as a folder's name.
    """
    label = spec.label or f"{spec.model.name}_{spec.data.source.name}"
    letters = "".join(character for character in label if character not in LABEL_PUNCTUATION)
    if not letters.isalnum() or label[0] == ".":
        raise UsageError(
            f"label={label!r} may hold letters, digits, dots, dashes and underscores only",
            hint="label names a folder under runs; runs=DIR chooses the place",
        )
    length = len(os.fsencode(label))
    if length > LONGEST_LABEL:
        raise UsageError(
            f"label={label[:30]}... has {length:,} bytes, and a folder's name may have at most "
            f"{LONGEST_LABEL}",
            hint=f"label={label[:20]}",
        )
    return label
