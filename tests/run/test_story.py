import json

import pytest
import yaml

from alexcli.run.directory import RunDirectory
from alexcli.run.history import read_history
from alexcli.run.story import against_default, summary, title_of


def test_the_title_names_the_run_and_its_error(run: RunDirectory) -> None:
    history = read_history(run)
    error = [row["top1_err"] for row in history.rows if row["split"] == "val"][-1]
    assert title_of(run, history) == f"{run.name}: {error:.2%} validation error after 2 epochs"


def test_what_came_out_is_read_from_the_result(run: RunDirectory) -> None:
    result = json.loads(run.result_file.read_text())
    result["test"] = {"top1_err": 0.0811, "n": 20000}
    run.result_file.write_text(json.dumps(result))
    values = {row["quantity"]: row["value"] for row in summary(run).records()}
    assert values["test error"] == "8.11% on 20,000 images"
    assert values["arithmetic"] == "float32"
    assert values["parameters"] == f"{result['parameters']:,}"
    assert values["validation error, last epoch"] == f"{result['last']['val']['top1_err']:.2%}"


@pytest.mark.parametrize(("seconds", "shown"), [(90, "90 s"), (276.8, "4.6 min"), (9000, "2.5 h")])
def test_time_is_said_as_a_person_says_it(run: RunDirectory, seconds: float, shown: str) -> None:
    result = json.loads(run.result_file.read_text())
    run.result_file.write_text(json.dumps(result | {"seconds": seconds}))
    assert {"quantity": "time", "value": shown} in summary(run).records()


def test_a_run_that_is_not_finished_has_no_rows_of_what_came_out(run: RunDirectory) -> None:
    run.result_file.unlink()
    assert summary(run).records() == []


def test_settings_stand_beside_the_default_ones(run: RunDirectory) -> None:
    config = yaml.safe_load(run.config.read_text())
    config["optim"]["lr"] = 0.25
    run.config.write_text(yaml.safe_dump(config))
    rows = {row["key"]: row for row in against_default(read_history(run)).records()}
    assert rows["optim.lr"] == {"key": "optim.lr", "this run": "0.25", "default": "0.005"}
    assert "seed" not in rows
