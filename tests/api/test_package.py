"""`import alexcli`, and the notebook."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import alexcli
from alexcli import api
from tests.conftest import SMALL
from tests.source import ROOT

WORDS = ("experiment=quickstart", *SMALL, "optim.epochs=1")


def test_the_package_imports_nothing_until_it_is_asked() -> None:
    code = (
        "import sys; before = set(sys.modules); import alexcli; print(*set(sys.modules) - before);"
        "alexcli.load; print('torch' in sys.modules);"
        "alexcli.params('tiny'); print('torch' in sys.modules)"
    )
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines == ["alexcli", "False", "False"]


def test_the_package_offers_the_functions_of_the_api() -> None:
    assert set(api.__all__) <= set(dir(alexcli))
    private = [name for name in dir(alexcli) if name.startswith("_") and name[:2] != "__"]
    assert private == []
    for name in api.__all__:
        assert getattr(alexcli, name) is getattr(api, name)
        assert name in (Path(alexcli.__file__).with_suffix(".pyi")).read_text()
    with pytest.raises(AttributeError, match="'alexcli' has no attribute 'lod'"):
        alexcli.lod  # type: ignore[attr-defined]  # noqa: B018


def test_the_notebook_runs_cell_by_cell() -> None:
    notebook = json.loads((ROOT / "docs/python.ipynb").read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert not any(cell["outputs"] for cell in cells), "outputs that no one would renew"
    names: dict[str, Any] = {}
    for cell in cells:
        exec("".join(cell["source"]), names)
        if "parameters" in cell["metadata"].get("tags", ()):
            assert names["setting"] == ["experiment=quickstart"]
            names["setting"] = list(WORDS)
    assert names["counts"]["totals"]["params"] == 60_965_224
    assert names["features"].values.shape[0] == 60
    assert names["scores"].shape == (2, 10)
