"""Reading a whole store again to find damage."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from xxhash import xxh3_128_hexdigest

from alexcli.data.statistics import Progress
from alexcli.data.store import STATISTICS, Chunk, Store, read_file
from alexcli.data.store_index import index_problem, parse_index
from alexcli.data.store_manifest import read_manifest
from alexcli.data.store_statistics import read_statistics
from alexcli.errors import UsageError

READERS = 8
"""Number of files read at the same time, each held in memory."""


def verify(root: str, progress: Progress = lambda *_: None) -> list[str]:
    """Read a whole store again and compare it with its manifest.

    Args:
        root: local folder or URL.
        progress: receives the number of files read so far, and of all files.

    Returns:
        The problems, one line per file; empty if there are none.

    Raises:
        UsageError: the store has no readable manifest.
    """
    store = read_manifest(root)
    chunks = {chunk.file: chunk for part in store.splits.values() for chunk in part}
    files = [*chunks, *store.files]
    check = partial(_problem, store, chunks)
    problems = []
    with ThreadPoolExecutor(READERS) as pool:
        for count, problem in enumerate(pool.map(check, files), 1):
            if problem:
                problems.append(problem)
            progress(count, len(files))
    return problems


def _problem(store: Store, chunks: dict[str, Chunk], name: str) -> str | None:
    """The problem of a file of a store, which may be a chunk; None if there is none."""
    try:
        content = read_file(store.root, name)
    except FileNotFoundError:
        return f"{name} is missing"
    if name in chunks and len(content) != chunks[name].bytes:
        return f"{name} has {len(content):,} bytes, not {chunks[name].bytes:,}"
    checksum = chunks[name].checksum if name in chunks else store.files[name]
    if xxh3_128_hexdigest(content) != checksum:
        return f"{name} is not what was written: its checksum differs"
    try:
        return _problem_of_content(store, name, content)
    except UsageError as error:
        return error.message


def _problem_of_content(store: Store, name: str, content: bytes) -> str | None:
    """The problem in a file whose checksum is right; UsageError if it cannot be read."""
    if name == STATISTICS:
        read_statistics(store)
    split = name.removesuffix(".npz")
    if split not in store.splits:
        return None
    index = parse_index(content, name)
    problem = index_problem(index, store.splits[split], len(store.classes))
    return f"{name}: {problem}" if problem else None
