import subprocess
import sys
import time
from pathlib import Path

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
