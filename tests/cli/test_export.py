import json
from pathlib import Path

from alexcli.run.directory import RunDirectory
from alexcli.run.exported_net import read_exported
from tests.cli.command_line import run_command


def test_a_run_is_exported_once(run: RunDirectory) -> None:
    arguments = ("export", str(run.path), "--format", "safetensors")
    outcome = run_command(*arguments, "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["bytes"] == Path("tiny.safetensors").stat().st_size
    assert "10 classes" in Path("tiny.safetensors.md").read_text()
    again = run_command(*arguments)
    assert again.code == 2
    assert "exists already" in again.err


def test_a_card_that_is_there_already_is_kept(run: RunDirectory) -> None:
    card = Path("tiny.safetensors.md")
    card.write_text("mine")
    outcome = run_command("export", str(run.path), "--format", "safetensors")
    assert outcome.code == 2
    assert f"{card} exists already" in outcome.err
    assert card.read_text() == "mine"
    assert not Path("tiny.safetensors").exists()


def test_without_a_name_the_newest_run_is_exported_and_named(run: RunDirectory) -> None:
    outcome = run_command("export", "--format", "safetensors")
    assert outcome.code == 0, outcome.err
    assert str(run.path) in outcome.err
    assert Path("tiny.safetensors").is_file()


def test_an_export_keeps_the_settings_of_the_run(run: RunDirectory) -> None:
    outcome = run_command("export", "--format", "safetensors")
    assert outcome.code == 0, outcome.err
    exported = read_exported(Path("tiny.safetensors"))
    assert exported is not None
    assert exported.spec.trainer == run.read_config().trainer


def test_one_net_is_exported_and_it_exists(run: RunDirectory) -> None:
    several = run_command("export", f"{run.path}/*.ckpt", "--format", "safetensors")
    assert several.code == 2
    assert "matches 2 runs" in several.err
    missing = run_command("export", "--format", "onnx", "--runs", "elsewhere")
    assert missing.code == 2
    assert "the directory of runs elsewhere does not exist" in missing.err
    Path("empty").mkdir()
    none = run_command("export", "--format", "onnx", "--runs", "empty")
    assert none.err.splitlines()[-1] == "hint: alexcli train"
