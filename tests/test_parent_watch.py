import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alexcli import parent_watch

CHILD = """
import os, pathlib, sys, time
from alexcli import parent_watch

def end():
    pathlib.Path(sys.argv[1]).touch()
    os._exit(0)

parent_watch.POLL_SECONDS = 0.01
parent_watch.on_parent_exit(end)
print("watching", flush=True)
time.sleep(60)
"""

PARENT = """
import os, pathlib, subprocess, sys, time

child = subprocess.Popen([sys.executable, "-c", *sys.argv[1:]], stdout=subprocess.PIPE)
child.stdout.readline()
time.sleep(0.1)
assert not pathlib.Path(sys.argv[2]).exists()
os._exit(0)
"""


def test_a_process_notices_when_its_parent_is_gone_and_not_before(tmp_path: Path) -> None:
    marker = tmp_path / "noticed"
    command = [sys.executable, "-c", PARENT, CHILD, str(marker)]
    assert subprocess.run(command, check=False).returncode == 0
    deadline = time.monotonic() + 20
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert marker.exists()


ORPHAN = """
import os, sys, time
from alexcli import parent_watch
parent_watch.POLL_SECONDS = 0.01
parent_watch.PARENT_GRACE_SECONDS = 0.2
parent_watch.stop_with_named_parent()
assert parent_watch.PARENT not in os.environ
if sys.argv[1] == "deaf":
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("watching", flush=True)
time.sleep(60)
"""
STARTER = """
import subprocess, sys
from alexcli.parent_watch import child_environ
subprocess.Popen([sys.executable, "-c", *sys.argv[1:]], env=child_environ()).wait()
"""


@pytest.mark.parametrize("kind", ["deaf", "polite"])
def test_a_process_does_not_outlive_the_parent_that_is_named(kind: str) -> None:
    command = [sys.executable, "-c", STARTER, ORPHAN, kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "watching\n"
        parent.kill()
        assert parent.stdout.read() == ""  # returns once the child has closed its end


def test_a_parent_that_was_gone_before_is_noticed() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    program = (
        "import time; from alexcli import parent_watch;"
        "parent_watch.stop_with_named_parent(); time.sleep(60)"
    )
    environ = {**os.environ, parent_watch.PARENT: str(gone.pid)}
    assert subprocess.run([sys.executable, "-c", program], env=environ).returncode == -15


WORKER = """
import os, time
from alexcli.parent_watch import leave_sigterm_to

leave_sigterm_to(os.getppid())
print("ready", flush=True)
time.sleep(60)
"""

SENDER = "import os, signal, sys; os.kill(int(sys.argv[1]), signal.SIGTERM)"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not tell who sent a signal")
def test_a_worker_ends_by_the_signal_of_its_parent_and_of_nobody_else() -> None:
    command = [sys.executable, "-c", WORKER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        subprocess.run([sys.executable, "-c", SENDER, str(worker.pid)], check=True)
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(0.5)
        worker.terminate()
        assert worker.wait(20) == 1
