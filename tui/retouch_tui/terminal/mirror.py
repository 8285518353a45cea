"""`--mirror`: a page on the loopback device that shows picture and mask at full resolution while one paints.

Meant for `ssh -L 8000:127.0.0.1:PORT`. Whoever has the address with its token sees the picture, so the page
is served to this machine only, under a random name, and never to a page of another site.
"""

import hmac
import json
import secrets
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image

from retouch.arrays import RGB
from retouch_tui.layers import Mask8

LOOPBACK = "127.0.0.1"
POLL_S = 0.1
"""How often the server looks whether it should stop."""

LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")
"""Names a browser may have asked for; another one would be a site that points its name at this machine."""

TINT = (40, 110, 255)
OPACITY = 140

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>retouch</title>
<style nonce="NONCE">body{margin:0;background:#181818;color:#ccc;font:14px sans-serif}
div{position:relative;display:inline-block}img{display:block;max-width:100vw;max-height:100vh}
#mask{position:absolute;left:0;top:0;width:100%;height:100%}</style>
<div><img id="picture" alt="the picture"><img id="mask" alt="the mask"></div>
<script nonce="NONCE">let shown=-1;async function look(){try{const r=await fetch("revision",{cache:"no-store"});
const n=(await r.json()).revision;if(n!==shown){shown=n;for(const what of ["picture","mask"])
document.getElementById(what).src=what+".png?"+n}}catch(e){}setTimeout(look,400)}look()</script></html>
"""


class _Shown(NamedTuple):
    revision: int
    picture: RGB | None
    mask: Mask8 | None


class Mirror:
    """The page; `show` may be called from any thread, at every change."""

    def __init__(self, port: int = 0) -> None:
        """Serve the page in a thread; port 0 takes a free one. Raises OSError when the port is taken."""
        self._token = secrets.token_urlsafe(24)
        self._shown = _Shown(0, None, None)
        self._server = ThreadingHTTPServer((LOOPBACK, port), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(POLL_S,), name="mirror", daemon=True).start()

    @property
    def address(self) -> str:
        """Address to open; for `ssh -L` the port is the part between the colon and the slash."""
        return f"http://{LOOPBACK}:{self._server.server_address[1]}/{self._token}/"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def show(self, picture: RGB, mask: Mask8) -> None:
        """Show a picture (H, W, 3) and its mask (H, W); they are encoded only when a browser asks."""
        self._shown = _Shown(self._shown.revision + 1, picture, mask)

    def answer(self, path: str, host: str) -> tuple[int, str, bytes]:
        """Return status, content type and body for a request; pure but for the encoding."""
        if host.rpartition(":")[0] not in LOCAL_NAMES and host not in LOCAL_NAMES:
            return 403, "text/plain", b"only for this machine"
        token, _, name = path.partition("?")[0].removeprefix("/").partition("/")
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            return 404, "text/plain", b"not found"
        shown = self._shown
        if name == "":
            return 200, "text/html; charset=utf-8", PAGE.encode()
        if name == "revision":
            return 200, "application/json", json.dumps({"revision": shown.revision}).encode()
        if name == "picture.png" and shown.picture is not None:
            return 200, "image/png", _png(Image.fromarray(shown.picture))
        if name == "mask.png" and shown.mask is not None:
            return 200, "image/png", _png(_overlay(shown.mask))
        return 404, "text/plain", b"not found"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            """Answers GET, and keeps no log: the token is part of the path."""

            def do_GET(self) -> None:
                status, kind, body = mirror.answer(self.path, self.headers.get("Host", ""))
                nonce = b64encode(secrets.token_bytes(12)).decode()
                body = body.replace(b"NONCE", nonce.encode()) if kind.startswith("text/html") else body
                self.send_response(status)
                for name, value in _headers(kind, nonce, len(body)).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler


def _headers(kind: str, nonce: str, length: int) -> dict[str, str]:
    policy = (
        f"default-src 'none'; img-src 'self'; connect-src 'self'; script-src 'nonce-{nonce}';"
        f" style-src 'nonce-{nonce}'; frame-ancestors 'none'"
    )
    return {
        "Content-Type": kind,
        "Content-Length": str(length),
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _overlay(mask: Mask8) -> Image.Image:
    """The mask as the canvas tints it."""
    layer = np.empty((*mask.shape, 4), np.uint8)
    layer[..., :3] = TINT
    layer[..., 3] = mask.astype(np.uint16) * OPACITY // 255
    return Image.fromarray(layer)


def _png(image: Image.Image) -> bytes:
    packed = BytesIO()
    image.save(packed, "PNG", compress_level=1)
    return packed.getvalue()
