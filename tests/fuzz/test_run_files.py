"""The files of a run directory of others."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from alexcli.records.run_summary import RunSummary
from alexcli.reporter import NullReporter
from alexcli.run.directory import RunDirectory
from alexcli.run.listing import summarize
from alexcli.run.report import runs_report
from tests.cli.command_line import run_command
from tests.fuzz.outcomes import COUNTS, used_or_refused
from tests.fuzz.strategies import changed, damaged

FILES = ("config.yaml", "result.json", "metrics.jsonl", "classes.json")


@pytest.fixture
def contents(run: RunDirectory) -> dict[str, bytes]:
    """The files of a finished run, which has no checkpoint any more."""
    for path in run.path.glob("*.ckpt"):
        path.unlink()
    return {name: (run.path / name).read_bytes() for name in FILES}


def parsed(name: str, content: bytes) -> Any:
    """The plain data of a file; of metrics.jsonl, a list of its rows."""
    if name == "config.yaml":
        return yaml.safe_load(content)
    if name == "metrics.jsonl":
        return [json.loads(line) for line in content.splitlines()]
    return json.loads(content)


def formatted(name: str, document: Any) -> bytes:
    """What `parsed` has read, or anything else, as the content of a file."""
    if name == "config.yaml":
        return yaml.safe_dump(document, sort_keys=False).encode("utf-8", "surrogatepass")
    if name == "metrics.jsonl" and isinstance(document, list):
        return "".join(json.dumps(row) + "\n" for row in document).encode()
    return json.dumps(document).encode()


def used(run: RunDirectory) -> RunSummary:
    """Whatever reads the files of a run without its weights."""
    summary = summarize(run)
    run.class_names(["a", "b"])
    runs_report([run], NullReporter())
    return summary


@given(st.sampled_from(FILES), st.data())
def test_a_changed_file_of_a_run_is_refused_or_used(
    run: RunDirectory, contents: dict[str, bytes], name: str, data: st.DataObject
) -> None:
    document = data.draw(changed(parsed(name, contents[name])))
    _write(run.path, {**contents, name: formatted(name, document)})
    used_or_refused(f"changed {name}", lambda: used(run))


@settings(max_examples=settings.default.max_examples // 5 + 1)
@given(st.sampled_from(FILES), st.data())
def test_commands_show_nothing_raw_of_a_changed_file(
    run: RunDirectory, contents: dict[str, bytes], name: str, data: st.DataObject
) -> None:
    document = data.draw(changed(parsed(name, contents[name])))
    _write(run.path, {**contents, name: formatted(name, document)})
    for words in (("runs", "list"), ("runs", "compare", run.name, run.name)):
        result = run_command(*words)
        COUNTS["commands on changed files of runs", "refused" if result.code else "used"] += 1
        assert result.code in (0, 1, 2), result.err
        assert not set(result.out + result.err) & {"\x1b", "\x9b", "\0", "\u202e"}


@given(st.sampled_from(FILES), st.data())
def test_a_damaged_file_of_a_run_is_refused_or_used(
    run: RunDirectory, contents: dict[str, bytes], name: str, data: st.DataObject
) -> None:
    _write(run.path, {**contents, name: data.draw(damaged(contents[name]))})
    used_or_refused(f"damaged {name}", lambda: used(run))


def _write(folder: Path, contents: dict[str, bytes]) -> None:
    for name, content in contents.items():
        (folder / name).write_bytes(content)
