"""alexcli analyze: any analysis by its name, with its overrides, its files and its figure."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from alexcli.analysis.registry import ANALYSES
from alexcli.run.directory import RunDirectory
from tests.cli.command_line import Outcome, run_command
from tests.conftest import SMALL

WITHOUT_RUN = ("params", "tables", "traffic", "architecture", "compare")
TRAINS_ITSELF = "lr"

# Overrides that keep the analyses of a run small.
SMALL_ANALYSES = {
    "filters": [],
    "curves": [],
    "examples": ["count=20"],
    "selectivity": [],
    "embedding": ["points=20", "perplexity=5"],
    "gradcam": ["count=2"],
    "init": [],
    "codes": ["bits=[8,16]"],
    "maps": ["count=3"],
    "neighbors": ["count=3"],
    "occlusion": ["count=1", "patch=16"],
    "probe": ["layer=conv5"],
    "predictions": ["count=3"],
    "saliency": ["count=3"],
    "units": ["count=3"],
}


def _analyze(*arguments: str) -> Outcome:
    return run_command("analyze", *arguments)


def test_help_names_every_analysis_with_a_line() -> None:
    outcome = _analyze("help", "--format", "json")
    assert outcome.code == 0
    summaries = json.loads(outcome.out)
    assert set(summaries) == set(ANALYSES) >= {*WITHOUT_RUN, "filters", "codes", "init"}
    assert all(len(line) > 20 for line in summaries.values())


def test_those_that_need_no_net_start_without_torch() -> None:
    code = (
        "import sys; from alexcli.cli.main import app\n"
        "for name in sys.argv[1:]:\n"
        "    app(['analyze', name], standalone_mode=False)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, *WITHOUT_RUN], check=True, capture_output=True)


def test_out_writes_the_figure_and_its_numbers() -> None:
    options = ("--out", "figures", "--format", "json")
    outcome = _analyze("traffic", "traffic.devices=[2,4096]", *options)
    assert outcome.code == 0, outcome.err
    names = {path.name for path in Path("figures").iterdir()}
    assert names == {"traffic.png", "traffic.csv", "traffic.json"}
    assert Path("figures/traffic.png").read_bytes().startswith(b"\x89PNG")
    data = json.loads(Path("figures/traffic.json").read_text())
    assert data == json.loads(outcome.out)
    assert max(row["devices"] for row in data["rows"]) == 4096
    assert Path("figures/traffic.csv").read_text().count("\n") == 1 + len(data["rows"])


@pytest.mark.parametrize("model", ["alexnet", "vgg16", "lenet5", "cifar_13"])
def test_any_net_is_drawn(model: str) -> None:
    outcome = _analyze("architecture", f"model={model}", "--out", "figures")
    assert outcome.code == 0, outcome.err
    assert "<svg" in Path("figures/architecture.svg").read_text()
    assert Path("figures/architecture.png").stat().st_size > 5000


def test_every_analysis_of_a_run_is_tested_below() -> None:
    assert set(SMALL_ANALYSES) == set(ANALYSES) - {*WITHOUT_RUN, TRAINS_ITSELF}


def test_traffic_counts_the_net_of_a_run(run: RunDirectory) -> None:
    outcome = _analyze("traffic", "--run", str(run.path), "--format", "json")
    assert outcome.code == 0, outcome.err
    named = _analyze("traffic", "model=tiny", "model.width=0.25", "--format", "json")
    assert json.loads(outcome.out)["rows"] == json.loads(named.out)["rows"]
    assert _analyze("traffic", "--run", str(run.path), "model=tiny").code == 2


@pytest.mark.parametrize("name", SMALL_ANALYSES)
def test_an_analysis_of_a_run_draws_and_says_of_which_run(name: str, finished_runs: Path) -> None:
    (run,) = (finished_runs / "quickstart").glob("s0-*")
    runs = ("--runs", str(finished_runs))
    outcome = _analyze(name, *SMALL_ANALYSES[name], *runs, "--out", "figures")
    assert outcome.code == 0, outcome.err
    assert outcome.out.strip()
    data = json.loads(Path(f"figures/{name}.json").read_text())
    assert run.name in json.dumps(data) or name in ("init", "curves")
    assert data["caption"]
    assert "{" not in data["caption"] + data["title"], "every value was filled in"
    assert Path(f"figures/{name}.png").exists()
    with Path(f"figures/{name}.csv").open() as file:
        assert len(list(csv.reader(file))) > 1


def test_learning_rates_are_tried_on_a_net_of_its_own() -> None:
    outcome = _analyze(TRAINS_ITSELF, *SMALL, "range_test.steps=10", "--out", "figures")
    assert outcome.code == 0, outcome.err
    assert "not the paper's" in outcome.out
    assert Path("figures/lr.png").exists()
    with Path("figures/lr.csv").open() as file:
        assert len(list(csv.reader(file))) > 1


def test_images_of_ones_own_are_looked_at(finished_runs: Path) -> None:
    from PIL import Image

    Path("mine").mkdir()
    for name in ("red", "blue"):
        Image.new("RGB", (90, 60), name).save(f"mine/{name}.png")
    options = ("--runs", str(finished_runs), "--format", "csv")
    for name in ("predictions", "saliency"):
        outcome = _analyze(name, "images=mine", *options)
        assert outcome.code == 0, outcome.err
        assert "mine/blue.png" in outcome.out
    assert _analyze("maps", "images=mine", *options).code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["filters", "layer=conv9"], "did you mean layer=conv"),
        (["filters", "layer=fc7"], "fully connected"),
        (["maps", "layer=fc7"], "is fully connected: it has no feature maps"),
        (["neighbors", "nearest=151"], "150 training images"),
        (["codes", "nearest=140"], "120 training images"),
        (["codes", "bits=[12]"], "multiples of 8"),
        (["predictions", "images=empty"], "holds no images"),
        (["occlusion", "patch=99"], "patch=99 is larger than the net's input"),
        (["probe", "images=empty"], "holds no images"),
        (["probe", "classifier=tree"], "classifier"),
        (["embedding", "perplexity=1e6"], "must be less than"),
        (["curves", "split=train_eval"], "no lines of split train_eval"),
        (["filters", "model=alexnet"], "model"),
        (["neighbors", "conut=3"], "count"),
    ],
)
def test_bad_input_is_one_message_with_a_hint(
    arguments: list[str], message: str, finished_runs: Path
) -> None:
    Path("empty").mkdir()
    outcome = _analyze(*arguments, "--runs", str(finished_runs))
    assert outcome.code == 2, outcome.err
    assert message in outcome.err
    assert "hint:" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["traffik"], "traffic"),
        (["traffic", "traffic.batches=[0]"], "traffic.batches=[0]"),
        (["traffic", "--out", "/dev/null/x"], "/dev/null/x"),
        (["tables", "--run", "x"], "without --run"),
        (["help", "params"], "takes no arguments: params"),
        (
            ["params", "nearest=6"],
            "'nearest=6': params does not read nearest; it reads model, batch",
        ),
        (["params", "+traffic.devices=[2]"], "params does not read traffic; it reads model, batch"),
        (["params", "optim=sgd"], "params does not read optim; it reads model, batch"),
        (["compare", "model=vgg16"], "compare does not read model; it takes no KEY=VALUE"),
        (["tables", "~model"], "hint: leave ~model out"),
        (["predictions", "layer=fc6"], "predictions does not read layer; it reads images, count"),
        (["filters"], "no finished run"),
        (["filters", "--check"], "analyze params --check"),
        (["tables", "--results", "absent"], "--results absent is not a folder"),
        (["params", "--results", "."], "analyze tables --results DIR"),
    ],
)
def test_bad_usage_is_refused(arguments: list[str], message: str) -> None:
    outcome = _analyze(*arguments)
    assert outcome.code == 2
    assert message in outcome.err


def test_results_are_read_from_all_folders_below() -> None:
    row = {
        "name": "ilsvrc2012/s0",
        "split": "val",
        "protocol": {"views": 10},
        "top1_err": 0.5,
        "top5_err": 0.25,
    }
    for folder in ("results/a", "results/b/c"):
        Path(folder).mkdir(parents=True)
        (Path(folder) / "results.json").write_text(json.dumps([row]))
    outcome = _analyze("tables", "--results", "results", "--format", "json")
    assert outcome.code == 0, outcome.err
    rows = json.loads(outcome.out)[1]["rows"]
    ours = next(row for row in rows if row["model"] == "1 CNN")
    assert (ours["ours"]["top1_err"], ours["ours_n"]) == (0.5, 2)
