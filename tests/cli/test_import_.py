from pathlib import Path

import torch
from torchvision.models import alexnet  # type: ignore[import-untyped]

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
    assert "next: alexcli predict" in outcome.err
