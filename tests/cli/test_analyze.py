"""alexcli analyze: any analysis by its file's name, with its words, its files and its figure."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alexcli.analysis import read_yaml
from alexcli.cli.analyze import FILES
from alexcli.cli.main import app
from tests.conftest import SMALL

WITHOUT_RUN = ("params", "tables", "traffic", "architecture", "compare")


def _run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["analyze", *words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of the quick start, shared by this file's tests."""
    folder = tmp_path_factory.mktemp("trained")
    words = ["train", *SMALL, f"runs={folder}/runs"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.stderr
    return folder


def test_help_names_every_analysis_with_a_line() -> None:
    code, out, _ = _run("help", "--format", "json")
    assert code == 0
    found = json.loads(out)
    assert set(found) == set(FILES) >= {*WITHOUT_RUN, "filters", "codes", "init"}
    assert all(len(line) > 20 for line in found.values())


def test_those_that_need_no_net_start_without_torch() -> None:
    code = (
        "import sys; from alexcli.cli.main import app\n"
        "for name in sys.argv[1:]:\n"
        "    app(['analyze', name], standalone_mode=False)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, *WITHOUT_RUN], check=True, capture_output=True)


def test_out_writes_the_figure_and_its_numbers() -> None:
    words = ["traffic", "traffic.devices=[2,4096]", "--out", "drawn", "--format", "json"]
    code, out, err = _run(*words)
    assert code == 0, err
    assert {path.name for path in Path("drawn").iterdir()} == {
        *("traffic.png", "traffic.csv", "traffic.json")
    }
    assert Path("drawn/traffic.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads(Path("drawn/traffic.json").read_text())
    assert found == json.loads(out)
    assert max(row["devices"] for row in found["rows"]) == 4096
    assert Path("drawn/traffic.csv").read_text().count("\n") == 1 + len(found["rows"])


@pytest.mark.parametrize("model", ["alexnet", "vgg16", "lenet5", "cifar_13"])
def test_any_net_is_drawn(model: str) -> None:
    code, _, err = _run("architecture", f"model={model}", "--out", "drawn")
    assert code == 0, err
    text = Path("drawn/architecture.svg").read_text()
    assert "<svg" in text
    assert Path("drawn/architecture.png").stat().st_size > 5000


def test_every_analysis_of_a_run_draws_and_says_of_which_run(trained: Path) -> None:
    runs = ("--runs", str(trained / "runs"))
    named = [name for name in FILES if name not in WITHOUT_RUN]
    label = next((trained / "runs/quickstart").glob("s0-*")).name
    for name in named:
        words = [] if name in ("codes", "curves", "init", "filters") else ["count=3"]
        words += ["bits=[8,16]"] if name == "codes" else []
        code, out, err = _run(name, *words, *runs, "--out", "drawn")
        assert code == 0, (name, err)
        assert out.strip(), name
        found = json.loads(Path(f"drawn/{name}.json").read_text())
        assert label in json.dumps(found) or name in ("init", "curves"), name
        assert Path(f"drawn/{name}.png").exists(), name
        assert len(list(csv.reader(Path(f"drawn/{name}.csv").read_text().splitlines()))) > 1, name
    assert "caption" in found


def test_pictures_of_ones_own_are_looked_at(trained: Path) -> None:
    from PIL import Image

    Path("mine").mkdir()
    for name in ("red", "blue"):
        Image.new("RGB", (90, 60), name).save(f"mine/{name}.png")
    runs = ("--runs", str(trained / "runs"))
    for name in ("predictions", "saliency", "maps"):
        code, out, err = _run(name, "pictures=mine", *runs, "--format", "csv")
        assert code == 0, err
        assert "mine/blue.png" in out or name == "maps"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["filters", "layer=conv9"], "did you mean layer=conv"),
        (["filters", "layer=fc7"], "fully connected"),
        (["maps", "layer=fc7"], "fully connected: no maps"),
        (["neighbors", "nearest=151"], "150 training pictures"),
        (["codes", "nearest=140"], "120 training pictures"),
        (["codes", "bits=[12]"], "multiples of 8"),
        (["predictions", "pictures=empty"], "holds no pictures"),
        (["curves", "split=train_eval"], "no lines of split train_eval"),
        (["filters", "model=alexnet"], "model"),
        (["neighbors", "conut=3"], "count"),
    ],
)
def test_bad_input_is_one_message_with_a_hint(words: list[str], says: str, trained: Path) -> None:
    Path("empty").mkdir()
    code, _, err = _run(*words, "--runs", str(trained / "runs"))
    assert code == 2, err
    assert says in err
    assert "hint:" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["traffik"], "traffic"),
        (["traffic", "traffic.batches=[0]"], "traffic.batches=[0]"),
        (["traffic", "--out", "/dev/null/x"], "/dev/null/x"),
        (["traffic", "--run", "x"], "without --run"),
        (["filters"], "no finished run"),
        (["filters", "--check"], "analyze params --check"),
    ],
)
def test_bad_usage_is_refused(words: list[str], says: str) -> None:
    code, _, err = _run(*words)
    assert code == 2
    assert says in err


def test_what_analyses_say_is_shipped_and_filled_in(trained: Path) -> None:
    words = read_yaml("words")
    assert set(words) == set(FILES) - {"tables"}
    shutil.copytree(trained / "runs", "runs")
    for name in ("curves", "maps"):
        _, out, _ = _run(name, "--format", "json")
        assert "{" not in json.loads(out)["caption"] + json.loads(out)["title"]
