"""A web server on this machine, from which tests download."""

import contextlib
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@dataclass
class Site:
    """A folder and the address under which its files can be downloaded."""

    folder: Path
    url: str

    def add(self, name: str, content: bytes) -> tuple[str, str]:
        """Offer a file; returns its address and its md5."""
        (self.folder / name).write_bytes(content)
        return f"{self.url}/{name}", hashlib.md5(content).hexdigest()


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[Site]:
    """Serve the files of a new folder as long as the block lasts."""
    folder.mkdir()
    handler = partial(_QuietHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Site(folder, f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()


def pack(files: dict[str, bytes]) -> bytes:
    """A tar.gz archive of files, by their names in it."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()
