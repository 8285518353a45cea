"""The mirror: picture and mask in full resolution on a page of this machine, for `ssh -L`.

It listens on the loopback address only and answers nobody who does not know its random path.
"""

import io
import secrets
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image

from retouch.arrays import RGB
from retouch_tui.layers import Mask8

TINT = (40, 110, 255)
PAGE = """<!doctype html><meta charset="utf-8"><title>retouch</title>
<style>body{margin:0;background:#181818;color:#ddd;font:14px sans-serif;text-align:center}
img{max-width:100vw;max-height:96vh;image-rendering:auto}</style>
<img id="p" alt="the picture being edited"><p id="s">waiting</p>
<script>
let seen = "";
async function look() {
  try {
    const version = await (await fetch("version")).text();
    if (version !== seen) { seen = version; document.getElementById("p").src = "picture.jpg?" + version;
      document.getElementById("s").textContent = ""; }
  } catch { document.getElementById("s").textContent = "the editor is gone"; }
  setTimeout(look, 500);
}
look();
</script>"""


def tinted(picture: RGB, mask: Mask8) -> RGB:
    """Return the picture with the mask in blue, at full resolution."""
    amount = mask[:, :, None].astype(np.float32) * np.float32(0.55 / 255)
    mixed: RGB = np.rint(picture * (1 - amount) + np.array(TINT, np.float32) * amount).astype(np.uint8)
    return mixed


class Mirror:
    """A small server in a thread; `show` gives it what to serve."""

    def __init__(self, port: int = 0) -> None:
        """Listen on a port of the loopback address; 0 takes a free one. OSError if it is taken."""
        self._token = secrets.token_urlsafe(16)
        self._lock = threading.Lock()
        self._shown: tuple[RGB, Mask8] | None = None
        self._version = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="retouch-mirror", daemon=True).start()

    @property
    def address(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{self._token}/"

    def show(self, picture: RGB, mask: Mask8) -> None:
        """Serve another picture; arrays are copied when somebody looks."""
        with self._lock:
            self._shown = (picture, mask)
            self._version += 1

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Return status, kind and body for a path."""
        prefix = f"/{self._token}/"
        if not secrets.compare_digest(path[: len(prefix)].encode(), prefix.encode()):
            return HTTPStatus.NOT_FOUND, "text/plain", b"not here\n"
        name = path[len(prefix) :].partition("?")[0]
        if name == "":
            return HTTPStatus.OK, "text/html; charset=utf-8", PAGE.encode()
        if name == "version":
            return HTTPStatus.OK, "text/plain", str(self._version).encode()
        if name == "picture.jpg" and self._shown is not None:
            return HTTPStatus.OK, "image/jpeg", self._jpeg()
        return HTTPStatus.NOT_FOUND, "text/plain", b"not here\n"

    def _jpeg(self) -> bytes:
        with self._lock:
            assert self._shown is not None  # asked by `answer`
            picture, mask = self._shown
        stream = io.BytesIO()
        Image.fromarray(tinted(picture, mask)).save(stream, format="JPEG", quality=90)
        return stream.getvalue()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, kind, body = mirror.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.send_header("Content-Security-Policy", "default-src 'self' 'unsafe-inline'")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                """Say nothing: the terminal belongs to the editor."""

        return Handler
