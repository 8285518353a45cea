"""A stand-in for the Hugging Face Hub: serves one folder as the model `me/tiny`, with faults on demand."""

import hashlib
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Hub:
    """What is served, how it goes wrong, and what was asked for."""

    folder: Path
    url: str = ""
    cut: dict[str, int] = field(default_factory=dict)
    """File: how many more answers end in the middle."""
    hold: str = ""
    """A file whose answers stop in the middle until `release` is set."""
    release: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)
    """Set when an answer has stopped."""
    spoil: Counter[str] = field(default_factory=Counter)
    """File: how many more answers have a wrong byte, under the right name and size."""
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    """(method, file, first byte) of every request for a file."""

    def downloads(self, file: str) -> list[int]:
        """First bytes of the downloads of a file."""
        return [start for method, name, start in self.asked if (method, name) == ("GET", file)]


@contextmanager
def serve(folder: Path) -> Iterator[Hub]:
    """Serve on a free port until the context ends."""
    hub = Hub(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        hub.release.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, *, body: bool) -> None:
        match = re.fullmatch(r"/me/tiny/resolve/[^/]+/(.+)", self.path)
        path = None if match is None else self.hub.folder / match[1]
        if match is None or path is None or not path.is_file():
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.send_header("X-Error-Code", "RepoNotFound")
            self.end_headers()
            return
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        self.hub.asked.append((self.command, match[1], start))
        self._send(match[1], path.read_bytes(), start, partly=asked is not None, body=body)

    def _send(self, name: str, data: bytes, start: int, *, partly: bool, body: bool) -> None:
        self.send_response(206 if partly else 200)
        self.send_header("X-Repo-Commit", "a" * 40)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("Content-Length", str(len(data) - start))
        if partly:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if body:
            self._send_body(name, data, start)

    def _send_body(self, name: str, data: bytes, start: int) -> None:
        hub, middle = self.hub, start + (len(data) - start) * 3 // 4
        if hub.spoil[name] > 0:
            hub.spoil[name] -= 1
            data = data[:-1] + bytes([data[-1] ^ 1])
        if hub.cut.get(name, 0) > 0:
            hub.cut[name] -= 1
            self.wfile.write(data[start:middle])
            self.close_connection = True
            return
        self.wfile.write(data[start:middle])
        if hub.hold == name:
            self.wfile.flush()
            hub.held.set()
            hub.release.wait()
        try:
            self.wfile.write(data[middle:])
        except OSError:  # whoever asked is gone
            self.close_connection = True
