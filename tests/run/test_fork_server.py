"""A process that forks others: what they are like, how they end, and that it outlives them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from alexcli.parent_watch import PARENT
from alexcli.run.fork_server import ForkServer, ForkServerError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="commands are forked on Linux")

STATE = """
import atexit, json, multiprocessing, os, resource, signal, sys, threading, warnings
import ballast

print(json.dumps({
    "name": [__name__, __package__, __spec__.name, sys.modules["__main__"].__file__],
    "argv": sys.argv,
    "path": sys.path,
    "environ": dict(os.environ),
    "folder": [os.getcwd(), os.umask(0)],
    "group": [os.getpgrp(), os.getsid(0)],
    "signals": {number: str(signal.getsignal(number)) for number in signal.valid_signals()},
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "threads": [threading.active_count(), len(os.listdir("/proc/self/task"))],
    "files": [os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)],
    "descriptors": sorted(os.listdir("/proc/self/fd")),
    "buffering": [sys.stdout.line_buffering, sys.stderr.line_buffering],
    "start method": multiprocessing.get_start_method(),
    "parent": str(multiprocessing.parent_process()),
    "warnings": str(warnings.filters),
    "limits": resource.getrlimit(resource.RLIMIT_NOFILE),
    "uses of ballast": ballast.uses,
}))
ballast.uses += 1
atexit.register(print, "at exit")
"""
BALLAST = """
from pathlib import Path

uses = 0
further_imports = []
def load(): further_imports.append("done")
with Path("imports").open("a") as file:
    file.write("x")
"""


@pytest.fixture
def _modules(tmp_path: Path) -> None:
    """Modules in the working folder: one to be imported by the server, one that runs."""
    (tmp_path / "ballast.py").write_text(BALLAST)
    (tmp_path / "state.py").write_text(STATE)


@pytest.fixture
def server(_modules: None) -> Iterator[ForkServer]:
    """A server that has imported `ballast`."""
    running = ForkServer(["ballast"])
    yield running
    running.stop()


def _write_module(name: str, program: str) -> None:
    Path(f"{name}.py").write_text(program)


def _call(server: ForkServer, *words: str) -> tuple[int, str]:
    """Run a command: its exit code, and what it printed on stdout and stderr."""
    with Path("output").open("wb") as output:
        code = server.call(words, output.fileno(), output.fileno())
    return code, Path("output").read_text()


@pytest.mark.usefixtures("_modules")
def test_a_command_cannot_tell_that_it_is_forked() -> None:
    words = ["state", "seed=0", "--flag"]
    with Path("output").open("wb") as output:
        command = [sys.executable, "-m", *words]
        subprocess.run(command, stdout=output, stderr=output, check=True)
    expected = Path("output").read_text()
    assert expected.endswith("at exit\n")
    server = ForkServer(["ballast"])
    for _ in range(2):  # the second finds nothing of the first
        code, forked = _call(server, *words)
        assert code == 0, forked
        state = json.loads(forked.splitlines()[0])
        assert state["environ"].pop(PARENT).isdecimal()  # see parent_watch
        assert state == json.loads(expected.splitlines()[0])
        assert forked.splitlines()[1:] == expected.splitlines()[1:]
    server.stop()
    assert Path("imports").read_text() == "xx", "one import by the server, one by the new process"


@pytest.mark.usefixtures("_modules")
def test_a_function_makes_further_imports() -> None:
    _write_module("show", "import ballast; print(ballast.further_imports)")
    for module, further_imports in (("ballast", "[]\n"), ("ballast:load", "['done']\n")):
        server = ForkServer([module])
        assert _call(server, "show") == (0, further_imports)
        server.stop()


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        ("raise ValueError('broken')", 1, "ValueError: broken"),
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('no room')", 1, "no room"),
        ("import os; os._exit(7)", 7, ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, ""),
        ("import os; os.abort()", -6, ""),
        ("raise KeyboardInterrupt", -2, "KeyboardInterrupt"),
        ("import os, signal; os.kill(os.getppid(), signal.SIGKILL)", -9, ""),
    ],
)
def test_however_a_command_ends_the_next_one_runs(
    server: ForkServer, program: str, code: int, said: str
) -> None:
    _write_module("broken", program)
    ended_with, output = _call(server, "broken")
    assert ended_with == code
    assert said in output
    assert server.running
    assert _call(server, "state")[0] == 0


def test_commands_run_side_by_side(server: ForkServer) -> None:
    meet = "import pathlib, sys, time\npathlib.Path(sys.argv[1]).touch()\n"
    meet += "while not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.01)"
    _write_module("meet", meet)
    with ThreadPoolExecutor(2) as pool:
        commands = [["meet", "first", "second"], ["meet", "second", "first"]]
        codes = list(pool.map(lambda words: server.call(words, 1, 2), commands))
    assert codes == [0, 0]


INTERRUPT = """
import os, signal, time
try:
    os.killpg(0, signal.SIGINT)
    time.sleep(60)
except KeyboardInterrupt:
    raise SystemExit(130)
"""
DRIVER = """
import signal
from alexcli.run.fork_server import ForkServer

signal.signal(signal.SIGINT, lambda *_: None)
server = ForkServer([])
print(server.call(["interrupt"], 1, 2), server.running, server.call(["state"], 2, 2))
server.stop()
"""


@pytest.mark.usefixtures("_modules")
def test_ctrl_c_reaches_the_command_and_not_the_server() -> None:
    _write_module("interrupt", INTERRUPT)
    command = [sys.executable, "-c", DRIVER]
    outcome = subprocess.run(command, start_new_session=True, capture_output=True, text=True)
    assert outcome.stdout == "130 True 0\n", outcome.stderr


INTERRUPTED_IMPORT = """
import os, signal, time
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
except KeyboardInterrupt as error:  # as imports of large packages do
    raise ImportError("a library is missing") from error
"""


NEEDS_CTRL_C = pytest.mark.skipif(
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
    reason="what a shell starts in the background does not see Ctrl-C",
)


@pytest.mark.parametrize(
    ("program", "reason", "interrupted"),
    [
        ("raise ImportError('no such file')", "import broken: ImportError: no such file", False),
        ("import os; os._exit(5)", "exit code 5", False),
        pytest.param(INTERRUPTED_IMPORT, "exit code -2", True, marks=NEEDS_CTRL_C),
    ],
)
def test_a_server_that_cannot_fork_tells_why(
    program: str, reason: str, *, interrupted: bool
) -> None:
    _write_module("broken", program)
    with pytest.raises(ForkServerError, match=reason) as raised:
        ForkServer(["broken"])
    assert raised.value.interrupted == interrupted


def test_a_process_that_has_opened_a_gpu_forks_nothing() -> None:
    Path("torch").mkdir()
    Path("torch/__init__.py").touch()  # stands for torch on a machine with a GPU
    Path("torch/cuda.py").write_text("def is_initialized(): return False")
    ForkServer(["torch.cuda"]).stop()
    Path("torch/cuda.py").write_text("def is_initialized(): return True  # now")
    with pytest.raises(ForkServerError, match="GPU"):
        ForkServer(["torch.cuda"])


def test_a_command_outlives_its_server(server: ForkServer) -> None:
    _write_module("wait", "import pathlib, time\npathlib.Path('began').touch()\ntime.sleep(1)")
    with ThreadPoolExecutor(1) as pool:
        code = pool.submit(server.call, ["wait"], 1, 2)
        until = time.monotonic() + 20
        while not Path("began").exists() and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(server._process.pid, signal.SIGKILL)
        server._process.wait()
        assert code.result(timeout=20) == 0
    assert not server.running
    with pytest.raises(OSError):  # noqa: PT011 - of several kinds
        server.call(["wait"], 1, 2)


STUBBORN = """
import os, pathlib, signal, time
from alexcli import parent_watch

parent_watch.stop_with_named_parent()
pathlib.Path(f"process.{os.getpid()}").touch()
time.sleep(60)
"""
REQUESTER = """
from alexcli.run.fork_server import ForkServer
ForkServer([]).call(["stubborn"], 1, 2)
"""


def _ended(process: int) -> bool:
    """Whether a process is gone, or nobody has waited for it."""
    try:
        return " Z " in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return True


def _wait_until(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("victim", ["requester", "attendant"])
def test_a_command_ends_with_who_asked_for_it(victim: str) -> None:
    _write_module("stubborn", STUBBORN)
    with subprocess.Popen([sys.executable, "-c", REQUESTER]) as requester:
        _wait_until(lambda: list(Path().glob("process.*")))
        process = int(next(Path().glob("process.*")).suffix[1:])
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        os.kill(requester.pid if victim == "requester" else int(fields[1]), signal.SIGKILL)
        _wait_until(lambda: _ended(process))


def test_the_server_ends_with_its_parent() -> None:
    program = "from alexcli.run.fork_server import ForkServer; server = ForkServer([]);"
    program += "print(server._process.pid, flush=True); import os; os._exit(0)"
    command = [sys.executable, "-c", program]
    pid = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    until = time.monotonic() + 20
    while Path(f"/proc/{pid}/cmdline").exists() and time.monotonic() < until:
        if not Path(f"/proc/{pid}/cmdline").read_text():  # it has ended, and nobody has waited
            break
        time.sleep(0.01)
    assert time.monotonic() < until
