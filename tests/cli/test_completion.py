"""What shells complete, in this process and in a real bash."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alexcli.analysis.registry import ANALYSES
from alexcli.cli.completion import completer
from alexcli.cli.main import app
from alexcli.config.files import choices

INSTRUCTIONS = {"zsh": {}, "fish": {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}}


def completions(line: str, shell: str = "fish") -> list[str]:
    """The words that a shell is offered at the end of a line."""
    environment = {
        "_ALEXCLI_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": line,
        **INSTRUCTIONS[shell],
    }
    result = CliRunner().invoke(app, [], env=environment, prog_name="alexcli")
    assert result.exit_code == 0, result.output
    return [word.partition("\t")[0] for word in result.stdout.splitlines() if word]


@pytest.fixture
def _runs() -> None:
    """Two runs, of which one has no checkpoint yet."""
    for name in ("quickstart/s0-a", "quickstart/s1-b"):
        folder = Path("runs") / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").touch()
    Path("runs/quickstart/s0-a/last.ckpt").touch()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("alexcli train model=alexnet_", ["model=alexnet_145", "model=alexnet_bn"]),
        ("alexcli train model=owt,vgg", ["model=owt,vgg16", "model=owt,vgg19"]),
        ("alexcli train model.norm=b", ["model.norm=batch"]),
        ("alexcli train data.download=", ["data.download=true", "data.download=false"]),
        ("alexcli train optim.lr=", ["optim.lr=0.01"]),
        ("alexcli train optim.lr", ["optim.lr=", "optim.lr=0.01"]),
        ("alexcli train mod", ["model=", "model."]),
        (
            "alexcli train model.layers.conv1.re",
            [f"model.layers.conv1.reads={value}" for value in ("", "own_tower", "all_towers")],
        ),
        ("alexcli data prepare a b enc", ["encoding=", "encoding=raw", "encoding=jpeg"]),
        ("alexcli analyze params model=vgg", ["model=vgg16", "model=vgg19"]),
        ("alexcli analyze gr", ["gradcam"]),
        ("alexcli ablate lrn_", ["lrn_convention"]),
        ("alexcli config explain model.lr", ["model.lrn"]),
        ("alexcli config list pl", ["placement"]),
        ("alexcli claims lrn_t", ["lrn_top5"]),
    ],
)
def test_a_word_is_completed(line: str, offered: list[str]) -> None:
    assert completions(line) == offered


def test_a_key_that_needs_a_value_of_ones_own_gets_no_space() -> None:
    """A shell ends the only completion with a space, and two with none."""
    assert completions("alexcli train data.roo") == ["data.root=", "data.root=VALUE"]
    assert completions("alexcli train data.root=") == []  # left to the shell: paths


def test_the_only_section_is_opened() -> None:
    words = completions("alexcli train optim.pla")
    assert words[0] == "optim.plateau.factor="
    assert all(word.startswith("optim.plateau.") for word in words)


@pytest.mark.usefixtures("_runs")
def test_runs_are_completed_by_path_and_by_name() -> None:
    assert completions("alexcli eval runs/") == ["runs/quickstart/s0-a"]
    assert completions("alexcli predict cat.jpg --run ") == ["runs/quickstart/s0-a"]
    assert completions("alexcli runs remove quickstart/s1") == ["quickstart/s1-b"]
    assert "quickstart" in completions("alexcli runs list ")
    assert completions("alexcli eval mod") == []  # keys of the net are fixed by the run
    os.rename("runs", "others")  # noqa: PTH104
    assert completions("alexcli eval --runs others ")[0] == "others/quickstart/s0-a"


@pytest.mark.usefixtures("_runs")
@pytest.mark.parametrize("command", ["predict", "features"])
def test_images_come_before_keys(command: str) -> None:
    assert completions(f"alexcli {command} ") == []  # left to the shell: paths
    assert completions(f"alexcli {command} ru") == []
    assert completions(f"alexcli {command} data.de") == ["data.depth=", "data.depth=VALUE"]
    assert completions(f"alexcli {command} mod") == []  # keys of the net are fixed by the run


def test_zsh_gets_the_same_words() -> None:
    (line,) = completions("alexcli train model=alexnet_1", "zsh")
    assert line == "_arguments '*: :((\"model=alexnet_145\"))'"


def test_parts_of_an_arguments_name_say_how_it_is_completed() -> None:
    assert completer("STUDY|KEY=VALUE") is not None
    assert completer("FILE") is None
    assert completer(None) is None


BASH = shutil.which("bash")


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
def test_a_real_bash_completes_words_that_it_splits_at_equals_signs(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "alexcli"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom alexcli.cli.main import main\nmain()\n")
    program.chmod(0o755)
    lines = {
        "alexcli tr": ["train"],
        "alexcli train model = alexnet_": ["alexnet_145", "alexnet_bn"],
        "alexcli train seed = 1 model =": choices("model"),
        "alexcli train optim.mom": ["optim.momentum=", "optim.momentum=0.9"],
        "alexcli analyze ''": [*ANALYSES],
    }
    script = 'eval "$(alexcli --show-completion)"\n'
    for line in lines:
        script += (
            f"COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMPREPLY=()\n"
            "_alexcli_completion alexcli; IFS=' '; echo \"${COMPREPLY[*]}\"\n"
        )
    environment = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    assert BASH is not None
    done = subprocess.run(
        [BASH, "--norc", "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stderr == ""
    assert [shlex.split(line) for line in done.stdout.splitlines()] == list(lines.values())


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("alexcli train optim.l", ["optim.lr=", "optim.label_smoothing="]),
        ("alexcli claims two_gpus_", ["two_gpus_top5", "two_gpus_time"]),
    ],
)
def test_a_completion_imports_nothing_heavy(line: str, offered: list[str]) -> None:
    """It is to answer in 0.3 s, which the modules decide that it imports."""
    code = (
        "import sys\n"
        "from alexcli.cli.main import main\n"
        "sys.argv = ['alexcli']\n"
        "try: main()\n"
        "except SystemExit: print(*sys.modules)\n"
    )
    environment = {
        "_ALEXCLI_COMPLETE": "complete_bash",
        "COMP_WORDS": line.replace(" ", "\n"),
        "COMP_CWORD": "2",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=True,
    )
    *words, modules = done.stdout.splitlines()
    assert words == offered
    heavy = {"torch", "numpy", "hydra", "omegaconf", "yaml", "rich.console", "pydantic"}
    assert not heavy & set(modules.split())
