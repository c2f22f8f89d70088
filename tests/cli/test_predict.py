import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexcli.run.directory import RunDirectory
from tests.cli.command_line import run_command


@pytest.fixture(autouse=True)
def _image(run: RunDirectory) -> None:  # noqa: ARG001
    """A finished run, and an image to predict."""
    Image.new("RGB", (90, 60), "red").save("cat.jpg")


def test_json_has_the_best_five_of_each_image_and_out_the_figure() -> None:
    outcome = run_command("predict", "cat.jpg", "--format", "json", "--out", "new/figure.png")
    assert outcome.code == 0, outcome.err
    (image,) = json.loads(outcome.out)
    assert set(image) == {"file", "label", "top"}
    assert (image["file"], image["label"]) == ("cat.jpg", None)
    assert len(image["top"]) == 5
    assert set(image["top"][0]) == {"class", "name", "p"}
    assert Path("new/figure.png").exists()


def test_a_terminal_gets_bars_and_csv_a_row_for_each_rank() -> None:
    assert "checked" in run_command("predict", "cat.jpg", "--ten-crop").out
    lines = run_command("predict", "cat.jpg", "--top", "2", "--format", "csv").out.splitlines()
    assert lines[0] == "file,label,rank,class,name,p"
    assert [line.split(",")[2] for line in lines[1:]] == ["1", "2"]


@pytest.mark.parametrize(
    ("typed", "hint"), [("out/figure.jpg", "out/figure.png"), ("figure", "figure.png")]
)
def test_a_figure_of_another_format_is_refused(typed: str, hint: str) -> None:
    outcome = run_command("predict", "cat.jpg", "--out", typed)
    assert outcome.code == 2
    message, advice = outcome.err.splitlines()
    assert message == f"error: the suffix of --out {typed} is not one of .png, .svg, .pdf"
    assert advice == f"hint: --out {hint}"


def test_the_depth_that_a_hint_names_can_be_typed() -> None:
    values = np.linspace(0, 4095, 4096, dtype=np.uint16).reshape(64, 64)
    Image.fromarray(values).save("deep.png")
    refused = run_command("predict", "deep.png")
    assert refused.code == 2
    assert "data.depth=12" in refused.err
    outcome = run_command("predict", "deep.png", "data.depth=12", "--format", "json")
    assert outcome.code == 0, outcome.err
    Image.fromarray((values >> 4).astype(np.uint8)).save("gray.png")
    expected = run_command("predict", "gray.png", "--format", "json")
    assert json.loads(outcome.out)[0]["top"] == json.loads(expected.out)[0]["top"]


def test_words_that_name_no_image_are_refused() -> None:
    outcome = run_command("predict", "data.depth=12")
    assert (outcome.code, outcome.err.splitlines()[0]) == (2, "error: no images are named")
    outcome = run_command("predict", "cat.jpg", "optim.lr=3")
    assert outcome.code == 2
    assert "'optim.lr=3' would change a net that is already trained" in outcome.err


def test_one_net_predicts() -> None:
    run = next(Path("runs/quickstart").glob("s0-*"))
    outcome = run_command("predict", "cat.jpg", "--run", f"{run}/*.ckpt")
    assert outcome.code == 2
    assert "matches 2 runs" in outcome.err


def test_a_file_that_is_no_image_is_named_after_the_predictions_of_the_others() -> None:
    Path("no.jpg").write_text("no")
    outcome = run_command("predict", "no.jpg", "cat.jpg", "--format", "json")
    assert outcome.code == 1
    assert [image["file"] for image in json.loads(outcome.out)] == ["cat.jpg"]
    assert "1 of 2 images cannot be read" in outcome.err
    assert "no.jpg cannot be decoded" in outcome.err


def test_names_of_files_do_not_reach_the_terminal_raw() -> None:
    name = "\x1b]0;title\x07[bold]$x^$.png"
    Image.new("RGB", (90, 60), "red").save(name)
    outcome = run_command("predict", name, "--out", "figure.png")
    assert outcome.code == 0, outcome.err
    assert r"\x1b]0;title\x07[bold]$x^$.png" in outcome.out
    assert "\x07" not in outcome.out
    assert Path("figure.png").exists()
    missing = run_command("predict", "\x1b[31mred.png")
    assert missing.code == 2
    assert "\x1b" not in missing.err
    assert r"\x1b[31mred.png does not exist" in missing.err


def test_jsonl_has_a_line_for_each_image() -> None:
    Image.new("RGB", (60, 90), "blue").save("dog.jpg")
    Path("no.jpg").write_text("no")
    outcome = run_command("predict", "cat.jpg", "no.jpg", "dog.jpg", "--format", "jsonl")
    assert outcome.code == 1
    rows = [json.loads(line) for line in outcome.out.splitlines()]
    assert [row["file"] for row in rows] == ["cat.jpg", "dog.jpg"]
    assert rows == json.loads(run_command("predict", "cat.jpg", "dog.jpg", "--format", "json").out)
    assert "no.jpg cannot be decoded" in outcome.err


def test_an_image_comes_from_standard_input() -> None:
    from typer.testing import CliRunner

    from alexcli.cli.main import app

    content = Path("cat.jpg").read_bytes()
    outcome = CliRunner().invoke(app, ["predict", "-", "--format", "json"], input=content)
    assert outcome.exit_code == 0
    (image,) = json.loads(outcome.stdout)
    assert image["file"] == "standard input"
    (expected,) = json.loads(run_command("predict", "cat.jpg", "--format", "json").out)
    assert image["top"] == expected["top"]
    drawn = CliRunner().invoke(
        app, ["predict", "-", "--format", "jsonl", "--out", "stdin.png"], input=content
    )
    assert json.loads(drawn.stdout)["file"] == "standard input"
    assert Path("stdin.png").exists()
    refused = CliRunner().invoke(app, ["predict", "-"], input=b"no image")
    assert "error: standard input cannot be decoded: not an image" in refused.stderr.splitlines()


@pytest.mark.parametrize("source", ["images", "images/cat.png"])
def test_a_figure_replaces_no_image_that_is_read(source: str) -> None:
    path = Path("images/cat.png")
    path.parent.mkdir()
    Image.new("RGB", (40, 40), "red").save(path)
    before = path.read_bytes()
    outcome = run_command("predict", source, "--out", "images/cat.png")
    assert outcome.code == 2
    assert "would replace a file of the images that are read" in outcome.err
    assert "--out cat-figure.png" in outcome.err
    assert path.read_bytes() == before
