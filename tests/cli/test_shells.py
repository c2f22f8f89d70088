"""Completion in a real zsh and a real fish, where they are installed."""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alexcli.config.files import choices

ZSH = shutil.which("zsh")
FISH = shutil.which("fish")

SLOWEST = 120
"""Seconds that a shell may take on a machine with much else to do."""


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a shell starts with: a home and a program of its own."""
    home = tmp_path_factory.mktemp("home")
    program = home / "bin" / "alexcli"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom alexcli.cli.main import main\nmain()\n")
    program.chmod(0o755)
    return {
        **os.environ,
        "HOME": str(home),
        "ZDOTDIR": str(home),
        "XDG_CONFIG_HOME": str(home),
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "TERM": "dumb",
    }


@pytest.fixture
def _folders() -> None:
    """A run with a checkpoint, and a folder of images."""
    run = Path("runs/quickstart/s0-a")
    run.mkdir(parents=True)
    (run / "config.yaml").touch()
    (run / "last.ckpt").touch()
    Path("photos").mkdir()


def script(shell: str) -> str:
    """What --show-completion prints in a shell, which is named here in place of detected."""
    return subprocess.run(
        [sys.executable, "-m", "alexcli", "--show-completion", shell],
        capture_output=True,
        text=True,
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        check=True,
    ).stdout


@pytest.mark.skipif(FISH is None, reason="fish is not installed")
@pytest.mark.usefixtures("_folders")
def test_a_real_fish_completes(environment: dict[str, str]) -> None:
    offered = {
        "alexcli tr": ["train"],
        "alexcli train model=alexnet_": ["model=alexnet_145", "model=alexnet_bn"],
        "alexcli train seed=1 model=": [f"model={name}" for name in choices("model")],
        "alexcli train optim.mom": ["optim.momentum=", "optim.momentum=0.9"],
        "alexcli ablate lrn_": ["lrn_convention"],
        "alexcli eval runs/": ["runs/quickstart/s0-a"],
        "alexcli predict ": ["photos/", "runs/"],  # left to paths
        "alexcli train data.root=ph": ["data.root=photos/"],
    }
    lines = [f"complete --do-complete '{line}'; echo END" for line in offered]
    assert FISH is not None
    done = subprocess.run(
        [FISH, "--no-config", "-c", "\n".join([script("fish"), *lines])],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert done.stderr == ""
    *answers, rest = done.stdout.split("END\n")
    assert rest == ""
    words = [[line.partition("\t")[0] for line in each.splitlines()] for each in answers]
    assert [sorted(each) for each in words] == [sorted(each) for each in offered.values()]


Typist = Callable[[str, str], None]
"""Types into a shell, and waits until the line reads as the second argument says."""


@pytest.fixture
def zsh(environment: dict[str, str]) -> Iterator[Typist]:
    """A zsh in a terminal, in which completion is installed as --install-completion does."""
    home = Path(environment["HOME"])
    (home / ".zfunc").mkdir()
    (home / ".zfunc" / "_alexcli").write_text(script("zsh"))
    (home / ".zshrc").write_text(
        "fpath+=~/.zfunc; autoload -Uz compinit; compinit -u\n"
        "PS1=; unsetopt zle_bracketed_paste prompt_sp beep\n"
        "print READY\n"
    )
    process, terminal = pty.fork()
    if process == 0:
        assert ZSH is not None
        os.execve(ZSH, ["zsh", "-i"], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
    shown = ""

    def wait(expected: str) -> None:
        nonlocal shown
        end = time.monotonic() + SLOWEST
        while expected not in shown and time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                text = os.read(terminal, 4096).decode(errors="replace")
                shown += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r|\x07", "", text)
        assert expected in shown
        shown = ""

    def type_keys(keys: str, expected: str) -> None:
        os.write(terminal, keys.encode())
        wait(expected)

    wait("READY")
    yield type_keys
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    os.close(terminal)


@pytest.mark.skipif(ZSH is None, reason="zsh is not installed")
@pytest.mark.usefixtures("_folders")
def test_a_real_zsh_completes_from_the_first_tab_on(zsh: Typist) -> None:
    zsh("alexcli tr\t", "alexcli train ")
    zsh("model=alexnet_1\t", "145 ")
    zsh("optim.mom\t", "entum=")
    zsh("0.5 data.root=ph\t", "otos/")
    zsh("\x15alexcli ablate lrn_\t", "convention ")
    zsh("\x15alexcli eval ru\t", "runs/quickstart/s0-a ")
