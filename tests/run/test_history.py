import json
from pathlib import Path

import pytest

from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.run.directory import RunDirectory
from alexcli.run.history import begun_runs, read_history


class Warnings(NullReporter):
    """Keeps what should not be missed."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        """Keep a warning."""
        self.warnings.append(text)


def test_a_history_has_the_label_the_settings_and_every_pass(run: RunDirectory) -> None:
    history = read_history(run)
    assert history.label == "quickstart"
    assert history.settings["optim.epochs"] == 2
    assert history.settings["data.train_count"] == 150
    assert [(row["epoch"], row["split"]) for row in history.rows] == [
        (1, "train"),
        (1, "val"),
        (2, "train"),
        (2, "val"),
    ]


@pytest.mark.parametrize("content", [None, "{not json\n"])
def test_metrics_that_cannot_be_read_are_named(run: RunDirectory, content: str | None) -> None:
    if content is None:
        run.metrics.unlink()
    else:
        run.metrics.write_text(content)
    with pytest.raises(UsageError, match=r"metrics\.jsonl cannot be read"):
        read_history(run)


def test_a_line_that_a_kill_has_cut_off_is_left_out(run: RunDirectory) -> None:
    whole = run.metrics.read_text()
    run.metrics.write_text(whole + '{"epoch": 3, "spl')
    assert len(read_history(run).rows) == len(whole.splitlines())


@pytest.mark.parametrize("content", [None, ""])
def test_a_run_that_made_no_pass_is_left_out_by_name(
    run: RunDirectory, tmp_path: Path, content: str | None
) -> None:
    stopped = RunDirectory(tmp_path / "quickstart" / "s1-00000000")
    stopped.path.mkdir(parents=True)
    if content is not None:
        stopped.metrics.write_text(content)
    reporter = Warnings()
    assert begun_runs([stopped, run], reporter) == [run]
    assert reporter.warnings == [
        f"{stopped.path} is left out: it was stopped before its first epoch ended"
    ]
    with pytest.raises(UsageError, match="was stopped before its first epoch ended"):
        begun_runs([stopped], reporter)


def test_imported_weights_have_no_metrics_and_say_so(run: RunDirectory) -> None:
    run.metrics.unlink()
    result = json.loads(run.result_file.read_text())
    run.result_file.write_text(json.dumps({**result, "kind": "import"}))
    message = "holds imported weights, which were not trained here"
    with pytest.raises(UsageError, match=message) as refused:
        begun_runs([run], NullReporter())
    assert refused.value.hint == "name runs that were trained here: alexcli runs list"


def test_a_folder_that_is_no_run_is_refused(run: RunDirectory) -> None:
    (Path(run.path) / "config.yaml").unlink()
    with pytest.raises(UsageError, match="is not a run"):
        read_history(run)
