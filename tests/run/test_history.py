from pathlib import Path

import pytest

from alexcli.errors import UsageError
from alexcli.run.directory import RunDirectory
from alexcli.run.history import read_history


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


def test_a_folder_that_is_no_run_is_refused(run: RunDirectory) -> None:
    (Path(run.path) / "config.yaml").unlink()
    with pytest.raises(UsageError, match="is not a run"):
        read_history(run)
