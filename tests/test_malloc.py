import platform
import subprocess
import sys

import pytest

COUNT_PAGE_FAULTS = """
import ctypes, resource, sys
from alexcli.malloc import reuse_freed_memory

if sys.argv[1] == "reuse":
    reuse_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]

def fill_block():
    size = 64 << 20  # above what glibc would keep by itself
    block = libc.malloc(size)
    libc.memset(block, 1, size)
    libc.free(block)

fill_block()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
fill_block()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(choice: str) -> int:
    """Page faults of filling a block for the second time."""
    command = [sys.executable, "-c", COUNT_PAGE_FAULTS, choice]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
def test_a_freed_block_is_used_again_without_page_faults() -> None:
    assert page_faults("reuse") < 5
    assert page_faults("default") > 20
