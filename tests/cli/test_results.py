import json
from pathlib import Path

import pytest

from alexcli.cli.results import read_results
from alexcli.errors import UsageError

ROW = {"name": "a", "split": "val", "protocol": {"views": 10}, "top1_err": 0.5, "top5_err": None}

BAD = [
    json.dumps([{**ROW, **change}])
    for change in (
        {"protocol": {}},
        {"protocol": 3},
        {"top1_err": "small"},
        {"top1_err": 2},
        {"top5_err": []},
        {"members": 3},
        {"name": 10**30},
    )
]


def test_rows_are_read_back() -> None:
    Path("results.json").write_text(json.dumps([ROW, ROW]))
    assert read_results(Path("results.json")) == [ROW, ROW]


@pytest.mark.parametrize("content", ["", "3", '{"a": 1}', '[{"name": "a"}]', "[1]", *BAD])
def test_what_eval_did_not_write_is_refused(content: str) -> None:
    Path("results.json").write_text(content)
    with pytest.raises(UsageError, match="is not what `eval --out` writes") as caught:
        read_results(Path("results.json"))
    assert caught.value.hint == "alexcli eval RUN --out DIR"


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(UsageError):
        read_results(Path("results.json"))
