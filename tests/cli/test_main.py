"""The command line as a whole: its help, its speed, and bad usage."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from alexcli.cli.main import _quiet_libraries, app
from alexcli.config.composition import composition
from tests.cli.command_line import run_command
from tests.conftest import SMALL


def _commands(command: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group with the words that call it."""
    yield words, command
    for name, subcommand in getattr(command, "commands", {}).items():
        yield from _commands(subcommand, *words, name)


COMMANDS = dict(_commands(typer.main.get_command(app)))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_says_what_every_parameter_is_and_ends_with_examples(words: tuple[str, ...]) -> None:
    parameters = COMMANDS[words].params
    hidden = [parameter.name for parameter in parameters if getattr(parameter, "hidden", False)]
    assert hidden == (["arm"] if words == ("train",) else [])
    assert all(parameter.help or parameter.name in hidden for parameter in parameters)
    out = run_command(*words, "--help").out
    assert "alexcli" in out.rpartition("Examples:")[2]


HEAVY = (
    *("lightning", "torchvision", "torchmetrics", "sympy", "torch._dynamo", "wandb"),
    *("scipy.stats", "scipy.signal", "scipy.special", "scipy.linalg", "sklearn", "pandas"),
)
"""Modules that take long to import, and that only training and a few analyses need."""


def _modules_after(*commands: list[str]) -> list[set[str]]:
    """Modules that are imported after each of the commands, which run in one process."""
    code = (
        "import sys, io, contextlib\n"
        "from alexcli.cli.main import main\n"
        f"for arguments in {list(commands)!r}:\n"
        "    sys.argv = ['alexcli', *arguments]\n"
        "    with contextlib.redirect_stdout(io.StringIO()):\n"
        "        try: main()\n"
        "        except SystemExit as end: assert not end.code, (arguments, end.code)\n"
        "    print(*sys.modules)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return [set(line.split()) for line in result.stdout.splitlines()]


def test_help_and_what_needs_no_net_never_import_torch() -> None:
    # Composed once, a configuration is read without Hydra. This process may have composed it when
    # the cache was another folder.
    composition.cache_clear()
    run_command("config", "show")
    run_command("analyze", "params")
    *_, list_, show, params = _modules_after(
        *(["--help"], ["train", "--help"], ["data", "list"], ["config", "list"]),
        *(["config", "show"], ["analyze", "params"]),
    )
    assert not list_ & {"torch", "numpy", "hydra", "omegaconf", "matplotlib", *HEAVY}
    assert "alexcli.analysis.params" in params - show
    assert not params & {"torch", "numpy", "hydra", "omegaconf", "matplotlib", *HEAVY}


@pytest.mark.usefixtures("run")
def test_what_does_not_train_imports_no_more_than_it_needs() -> None:
    import torch
    from PIL import Image
    from torchvision.models import alexnet  # type: ignore[import-untyped]

    Image.new("RGB", (90, 60), "red").save("cat.jpg")
    torch.save(alexnet(weights=None).state_dict(), "w.pth")
    run = str(next(Path("runs/quickstart").glob("s0-*")))
    _, predict, *_, analyze, report, import_, finished = _modules_after(
        ["eval"],
        ["predict", "cat.jpg"],
        ["export", run, "--format", "safetensors"],
        ["data", "stats", "experiment=quickstart", "data.train_count=150"],
        ["analyze", "neighbors", "--run", run],
        ["report", run],
        ["import", "torchvision", "--weights", "w.pth"],
        ["train", *SMALL],
    )
    assert "torch" in predict
    assert not predict & {"hydra", "omegaconf", "matplotlib", *HEAVY}
    assert not analyze & {"matplotlib", *HEAVY}
    assert "matplotlib" in report  # for its figures
    assert not report & set(HEAVY)
    assert "lightning" not in import_
    assert "alexcli.run.train" in finished - import_
    assert "lightning" not in finished  # that run is finished


def test_help_is_quick() -> None:
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "alexcli", "--help"], capture_output=True, check=True)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 1.5  # 0.45 s when the machine is quiet


def test_the_four_first_commands_of_this_release_work_in_order() -> None:
    trained = run_command("train", *SMALL)
    assert trained.code == 0, trained.err
    run = Path(trained.out.strip())
    assert (run / "result.json").exists()
    assert re.search(rf"next: .*\S+ eval --ten-crop {run}", trained.err)
    evaluated = run_command("eval", "--ten-crop", "--format", "json")
    assert evaluated.code == 0, evaluated.err
    (row,) = json.loads(evaluated.out)
    assert row["name"] == f"quickstart/{run.name}"
    assert row["protocol"]["views"] == 10
    assert f"analyze predictions --run {run}" in evaluated.err
    assert set(row) >= {
        *("name", "split", "protocol", "n", "top1_err", "top5_err", "loss", "interval")
    }
    analyzed = run_command("analyze", "params")
    assert analyzed.code == 0, analyzed.err
    assert "60,965,224" in analyzed.out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["trian"], "train"),
        (["train", "--resum", "never"], "--resume"),
        (["train", "optim.epocs=3"], "optim.epochs"),
        (["train", "--epochs", "3"], "optim.epochs=3"),
        (["train", "model=alexnt"], "model=alexnet"),
        (["train", "model.input.size=20", "model=alexnet", "data.size=20"], "conv2"),
        (["train", "data=folder"], "data.root"),
        (["train", "data=folder", "data.root=nowhere"], "does not exist"),
        (["train", "optim.momentum=1.5"], "below 1"),
        (["train", "--resume", "nowhere"], "nowhere"),
        (["train", "trainer.accelerator=tpu"], "trainer.accelerator"),
        (["eval"], "alexcli train"),
        (["eval", "nowhere"], "nowhere"),
        (["eval", "--split", "all"], "val"),
        (["eval", "--ten-crop", "--protocols", "center"], "--protocols all"),
        (["eval", "--probabilities"], "--out DIR"),
        (["eval", "--out", "x.csv"], "takes a folder"),
        (["eval", "runs/*/s*"], "no run or checkpoint matches"),
        (["predict", "nothing.jpg"], "does not exist"),
        (["predict", "x.jpg", "--out", "figure.jpg"], ".png"),
        (["export", "nowhere", "--format", "onnx"], "nowhere"),
        (["import", "torchvison"], "torchvision"),
        (["import", "torchvision", "--weights", "no.pth"], "no.pth"),
        (["report"], "alexcli train"),
        (["report", "lrn", "--out", "report.pdf"], "does not end in .html"),
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
    arguments: list[str], text: str
) -> None:
    before = set(Path().iterdir())
    outcome = run_command(*arguments)
    assert outcome.code == 2, outcome.err
    assert text in outcome.out + outcome.err
    assert "Traceback" not in outcome.err
    assert set(Path().iterdir()) == before


def test_errors_carry_a_hint_line() -> None:
    err = run_command("train", "optim.epocs=3").err
    assert re.search(r"^error: unknown key 'optim.epocs'", err, re.M)
    assert re.search(r"^hint: did you mean optim.epochs", err, re.M)


def test_warnings_of_libraries_reach_users_only_where_they_can_act(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "warnoptions", [])
    with warnings.catch_warnings(record=True) as shown:
        warnings.resetwarnings()
        _quiet_libraries()
        warnings.warn("this operator is deprecated", FutureWarning, stacklevel=1)
        warnings.warn("CUDA initialization: the driver is too old", UserWarning, stacklevel=1)
    assert [str(each.message) for each in shown] == ["CUDA initialization: the driver is too old"]


def test_whoever_asks_for_warnings_gets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "warnoptions", ["default"])
    with warnings.catch_warnings():
        before = list(warnings.filters)
        _quiet_libraries()
        assert warnings.filters == before


@pytest.mark.parametrize("library", ["triton", "triton._C.libtriton"])
def test_libraries_that_list_what_was_not_collected_have_nothing_to_list(library: str) -> None:
    """What is frozen is not collected when the interpreter ends."""
    code = (
        "import gc, sys, types\n"
        "from alexcli.cli.main import main\n"
        f"sys.modules[{library!r}] = types.ModuleType('fake')\n"
        "sys.argv = ['alexcli', '--version']\n"
        "try: main()\n"
        "except SystemExit: print(gc.get_freeze_count() > 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == str(library == "triton")


def test_no_color_is_respected() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "alexcli", "analyze", "params"],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "FORCE_COLOR": "1"},
        check=True,
    )
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", result.stdout)  # bold is no colour


def test_a_name_is_written_in_an_encoding_that_lacks_its_characters(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "alexcli", "predict", str(tmp_path / "猫.png")]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(command, capture_output=True, env=environment, timeout=100, check=False)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert rb"\u732b.png does not exist" in done.stderr


@pytest.mark.parametrize(
    ("shell", "code", "message"),
    [
        ("--version > /dev/full", 1, "output cannot be written: No space left on device"),
        ("--version | head -c 0", 0, ""),
        ("config list >&-", 0, ""),
    ],
)
def test_an_output_that_is_full_or_closed_ends_without_a_traceback(
    shell: str, code: int, message: str
) -> None:
    command = f"{shlex.quote(sys.executable)} -m alexcli {shell}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=100)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert message in done.stderr
