from pathlib import Path

import torch
from torchvision.models import alexnet  # type: ignore[import-untyped]

from alexcli.cli.import_ import SOURCE_NAMES
from alexcli.run.weight_sources import SOURCES
from tests.cli.command_line import run_command


def test_an_import_prints_its_run_and_what_to_do_next() -> None:
    torch.save(alexnet(weights=None, num_classes=2).state_dict(), "w.pth")
    Path("names").write_text("cat\ndog\n")
    arguments = ("--weights", "w.pth", "--classes", "names", "--runs", "elsewhere")
    outcome = run_command("import", "torchvision", *arguments)
    assert outcome.code == 0, outcome.err
    run = Path(outcome.out.strip())
    assert run.parent == Path("elsewhere/torchvision")
    assert (run / "last.ckpt").exists()
    assert outcome.err.endswith(f" predict cat.jpg --run {run}\n")


def test_a_missing_file_and_a_second_one_are_refused_before_anything_is_read() -> None:
    outcome = run_command("import", "caffe", "nowhere.caffemodel")
    assert outcome.code == 2
    assert "nowhere.caffemodel is not a file" in outcome.err
    outcome = run_command("import", "weights", "a.pth", "--weights", "b.pth")
    assert outcome.code == 2
    assert "one file is imported at a time" in outcome.err


def test_the_command_knows_every_source() -> None:
    assert set(SOURCE_NAMES) == set(SOURCES)
