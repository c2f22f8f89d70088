"""The command line as a user types it, in processes of its own and in this one."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from alexcli.cli.main import app
from alexcli.cli.shell import command
from alexcli.errors import nearest
from tests.conftest import SMALL

RUNNER = CliRunner()


def _run(*words: str) -> tuple[int, str, str]:
    done = RUNNER.invoke(app, list(words))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _commands(whole: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group with the words that call it."""
    yield words, whole
    for name, part in getattr(whole, "commands", {}).items():
        yield from _commands(part, *words, name)


COMMANDS = dict(_commands(typer.main.get_command(app)))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_says_what_every_parameter_is_and_ends_with_examples(words: tuple[str, ...]) -> None:
    hidden = [param.name for param in COMMANDS[words].params if getattr(param, "hidden", False)]
    assert hidden == (["arm"] if words == ("train",) else [])
    assert all(param.help or param.name in hidden for param in COMMANDS[words].params)
    out = _run(*words, "--help")[1]
    assert "alexcli" in out.rpartition("Examples:")[2]


def test_a_docstring_without_or_beyond_a_parameter_is_refused() -> None:
    def mute(one: str, *, two: bool = False) -> None:
        """Does nothing.

        Args:
            one: Told.
        """

    def chatty(one: str) -> None:
        """Does nothing.

        Args:
            one: Told.
            two: Not there.
        """

    for function, error in ((mute, KeyError), (chatty, TypeError)):
        with pytest.raises(error, match="two"):
            command(typer.Typer())(function)


def test_help_and_params_never_import_torch() -> None:
    for argv in (["--help"], ["train", "--help"], ["analyze", "params"], ["config", "list"]):
        code = (
            "import sys, io, contextlib\n"
            f"sys.argv = ['alexcli', *{argv!r}]\n"
            "from alexcli.cli.main import main\n"
            "with contextlib.redirect_stdout(io.StringIO()):\n"
            "    try: main()\n"
            "    except SystemExit as end: assert not end.code, end.code\n"
            "print(sorted({'torch', 'lightning'} & set(sys.modules)))\n"
        )
        assert _python(code) == "[]", argv


def test_help_is_quick() -> None:
    took = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "alexcli", "--help"], capture_output=True, check=True)
        took.append(time.perf_counter() - began)
    assert min(took) < 1.5  # 0.45 s when the machine is quiet


def test_the_four_first_commands_of_this_release_work_in_order() -> None:
    code, out, err = _run("train", *SMALL)
    assert code == 0, err
    run = Path(out.strip())
    assert (run / "result.json").exists()
    assert re.search(rf"next: \S+ eval --ten-crop {run}", err)
    code, out, err = _run("eval", "--ten-crop", "--format", "json")
    assert code == 0, err
    (found,) = json.loads(out)
    assert found["name"] == f"quickstart/{run.name}"
    assert found["protocol"]["views"] == 10
    assert set(found) >= {
        *("name", "split", "protocol", "n", "top1_err", "top5_err", "loss", "interval")
    }
    code, out, err = _run("analyze", "params")
    assert code == 0, err
    assert "60,965,224" in out


def test_runs_are_averaged_predict_and_are_exported() -> None:
    from PIL import Image

    for seed in "01":
        _run("train", *SMALL, "optim.epochs=1", f"seed={seed}")
    words = ("runs/quickstart/s*", "--protocols", "all", "--per-class")
    code, out, err = _run("eval", *words, "--out", "o", "--format", "json")
    assert code == 0, err
    rows = json.loads(out)
    assert [row["protocol"]["views"] for row in rows] == [1, 10, 1, 10, 1, 10]
    assert rows[-1]["name"] == "ensemble of 2"
    assert rows == json.loads(Path("o/results.json").read_text())
    names = {path.name for path in Path("o").iterdir()}
    assert names == {
        *("results.json", "results.csv", "predictions.npz", "per_class.csv", "confusion.png")
    }
    for form in ("table", "csv", "md"):
        assert "checked_ring" in _run("eval", *words, "--format", form)[1]
    Image.new("RGB", (90, 60), "red").save("cat.jpg")
    code, out, err = _run("predict", "cat.jpg", "--format", "json", "--out", "new/figure.png")
    assert code == 0, err
    assert [len(one["top"]) for one in json.loads(out)] == [5]
    assert Path("new/figure.png").exists()
    assert "checked" in _run("predict", "cat.jpg", "--ten-crop")[1]
    run = str(next(Path("runs/quickstart").glob("s0-*")))
    code, out, err = _run("export", run, "--format", "safetensors", "--json")
    assert code == 0, err
    assert json.loads(out)["bytes"] == Path("tiny.safetensors").stat().st_size
    code, _, err = _run("export", run, "--format", "safetensors")
    assert code == 2
    assert "exists already" in err
    code, out, _ = _run("analyze", "tables", "--results", "o", "--format", "json")
    assert [part["rows"][-1]["ours_n"] for part in json.loads(out)] == [0, 0, 0]


def test_a_finished_run_is_skipped_and_told_how_to_start_over() -> None:
    _run("train", *SMALL)
    code, _, err = _run("train", *SMALL)
    assert code == 0
    assert "is finished" in err
    assert "--resume never" in err


@pytest.mark.parametrize("format", ["table", "md", "csv", "json", "latex"])
def test_params_come_in_every_format(format: str) -> None:  # noqa: A002
    code, out, _ = _run("analyze", "params", "--format", format)
    assert code == 0
    if format == "json":
        found = json.loads(out)
        assert found["totals"]["params"] == 60_965_224
        assert found["totals"]["neurons"] == 659_272
        assert found["totals"]["macs"] == 724_406_816
        assert found["input"] == [3, 227, 227]
        assert found["layers"][0]["output"] == [96, 55, 55]
    elif format == "csv":
        assert "total,,,659272,60965224,724406816,1448813632" in out.splitlines()
    else:
        assert "60,965,224" in out


def test_params_follow_the_model() -> None:
    _, out, _ = _run("analyze", "params", "model=merged", "--format", "json")
    assert json.loads(out)["totals"]["params"] == 62_378_344


def test_the_difference_of_paper_and_code_is_readable() -> None:
    code, out, _ = _run("config", "diff", "model=alexnet", "model=alexnet_145", "--format", "csv")
    assert code == 0
    rows = dict(line.split(",", 1) for line in out.splitlines()[1:])
    assert rows["model.lrn.convention"] == "paper,code"
    assert rows["model.trunk.conv3.std"] == "0.01,0.03"
    assert rows["model.trunk.conv1.ops"] == '"act, norm, pool","norm, pool, act"'
    assert len(rows) == 9


def test_the_difference_of_schedules_is_in_words() -> None:
    _, out, _ = _run("config", "diff", "optim=paper", "optim=code_145", "--format", "md")
    assert "1, divided on plateaus | 1, 0.1 from epoch 25, 0.01 from epoch 51" in out
    assert "| optim.groups.conv1_biases | (absent) | present |" in out


def test_a_removed_layer_is_one_difference() -> None:
    _, out, _ = _run("config", "diff", "model=cifar_26", "model=cifar_19", "--format", "csv")
    keys = [line.split(",")[0] for line in out.splitlines()[1:]]
    assert keys == ["model.trunk.fc64", "model.trunk.fc10.std"]


def test_config_show_prints_what_train_would_use() -> None:
    import yaml

    _, out, _ = _run("config", "show", "experiment=cifar_26", "seed=7")
    found = yaml.safe_load(out)
    assert found["seed"] == 7
    assert found["model"]["name"] == "cifar_26"
    assert found["optim"]["groups"]["fc"]["decay"]["base"] == 0.03
    assert out.startswith("# settings ")


def test_config_check_passes_on_everything_shipped() -> None:
    code, out, _ = _run("config", "check")
    assert code == 0
    assert "BAD" not in out
    assert "ok  model=alexnet_145" in out


def test_a_dry_run_writes_nothing_and_prints_the_configuration() -> None:
    code, out, err = _run("train", *SMALL, "--dry-run")
    assert code == 0, err
    assert "# run: runs/quickstart/s0-" in out
    assert "(new)" in out
    assert "batch_size: 50" in out
    assert not Path("runs").exists()


def test_an_override_after_a_flag_counts() -> None:
    _, out, _ = _run("train", "--dry-run", *SMALL, "seed=5")
    assert "seed: 5" in out
    _, out, _ = _run("train", *SMALL, "--dry-run", "seed=6")
    assert "seed: 6" in out


@pytest.mark.slow
def test_a_sweep_trains_every_combination() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "alexcli", "train", *SMALL, "optim.epochs=1", "seed=0,1"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert "2 of 2 jobs finished" in done.stderr
    assert {p.name[:2] for p in Path("runs/quickstart").glob("s*")} == {"s0", "s1"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["trian"], "train"),
        (["train", "--resum", "never"], "--resume"),
        (["train", "optim.epocs=3"], "optim.epochs"),
        (["train", "--epochs", "3"], "No such option"),
        (["train", "model=alexnt"], "model=alexnet"),
        (["train", "model.input.size=20", "model=alexnet", "data.size=20"], "conv2"),
        (["train", "data=folder"], "data.root"),
        (["train", "data=folder", "data.root=nowhere"], "does not exist"),
        (["train", "optim.momentum=1.5"], "below 1"),
        (["train", "--resume", "nowhere"], "nowhere"),
        (["train", "trainer.accelerator=tpu"], "trainer.accelerator"),
        (["eval"], "alexcli train"),
        (["eval", "nowhere"], "nowhere"),
        (["eval", "--split", "train"], "val"),
        (["eval", "--ten-crop", "--protocols", "center"], "--protocols all"),
        (["eval", "--probabilities"], "--out DIR"),
        (["eval", "--out", "x.csv"], "takes a folder"),
        (["eval", "runs/*/s*"], "no run or checkpoint matches"),
        (["predict", "nothing.jpg"], "does not exist"),
        (["predict", "x.jpg", "--out", "figure.jpg"], ".png"),
        (["export", "nowhere", "--format", "onnx"], "nowhere"),
        (["import", "torchvison"], "torchvision"),
        (["import", "torchvision", "--weights", "no.pth"], "no.pth"),
        (["train", "init.layers=[conv1]"], "init_from"),
        (["analyze", "tables", "--results", "nowhere"], "--out DIR"),
        (["analyze", "parms"], "params"),
        (["analyze", "params", "model.towers=7"], "96"),
        (["config", "list", "modle"], "model"),
        (["config", "diff", "a", "b"], "GROUP=CHOICE"),
        (["config", "check", "model.lrn.size=0"], "not valid"),
    ],
)
def test_bad_usage_is_one_message_exit_code_2_and_writes_nothing(
    words: list[str], says: str
) -> None:
    before = set(Path().iterdir())
    code, out, err = _run(*words)
    assert code == 2, err
    assert says in out + err
    assert "Traceback" not in err
    assert set(Path().iterdir()) == before


def test_errors_carry_a_hint_line() -> None:
    _, _, err = _run("train", "optim.epocs=3")
    assert re.search(r"^error: unknown key 'optim.epocs'", err, re.M)
    assert re.search(r"^hint: did you mean optim.epochs\?", err, re.M)


def test_no_color_is_respected() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "alexcli", "analyze", "params"],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "FORCE_COLOR": "1"},
        check=True,
    )
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", done.stdout)  # bold is no colour


def test_the_nearest_word_is_found_or_none() -> None:
    assert nearest("epocs", ["epochs", "rate"]) == "epochs"
    assert nearest("xyz", ["epochs", "rate"]) is None
