"""The mirror shows what was published, to this machine and to whoever has the address, and to nobody else."""

import json
import re
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from io import BytesIO
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from retouch_tui.terminal.mirror import OPACITY, TINT, Mirror
from terminal_support.pictures import discs, photo

PICTURE, MASK = photo(60, 40), discs(60, 40)


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    made = Mirror()
    made.show(PICTURE, MASK)
    yield made
    made.close()


def get(mirror: Mirror, name: str, *, host: str | None = None, method: str = "GET") -> tuple[HTTPResponse, bytes]:
    at = urlsplit(mirror.address)
    assert at.hostname is not None
    connection = HTTPConnection(at.hostname, at.port, timeout=10)
    try:
        connection.request(method, name, headers={} if host is None else {"Host": host})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def path(mirror: Mirror, name: str) -> str:
    return urlsplit(mirror.address).path + name


def test_the_picture_arrives_unchanged(mirror: Mirror) -> None:
    response, body = get(mirror, path(mirror, "picture.png?1"))
    assert (response.status, response.headers["Content-Type"]) == (200, "image/png")
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(body))), PICTURE)


def test_the_mask_arrives_as_a_tint(mirror: Mirror) -> None:
    layer = np.asarray(Image.open(BytesIO(get(mirror, path(mirror, "mask.png"))[1])))
    assert (layer[..., :3] == TINT).all()
    np.testing.assert_array_equal(layer[..., 3], MASK.astype(int) * OPACITY // 255)


def test_the_revision_tells_of_a_change(mirror: Mirror) -> None:
    before = json.loads(get(mirror, path(mirror, "revision"))[1])["revision"]
    mirror.show(PICTURE, 255 - MASK)
    assert json.loads(get(mirror, path(mirror, "revision"))[1])["revision"] == before + 1


def test_the_page_runs_its_own_script_only(mirror: Mirror) -> None:
    response, body = get(mirror, path(mirror, ""))
    policy = response.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
    assert nonce is not None
    assert f'<script nonce="{nonce.group(1)}">'.encode() in body
    assert "default-src 'none'" in policy
    assert response.headers["Cache-Control"] == "no-store"
    assert re.search(rb"https?://", body) is None


@pytest.mark.parametrize("name", ["", "picture.png", "mask.png", "revision"])
@pytest.mark.parametrize("token", ["", "x", "a" * 32, "%00"], ids=["no", "short", "wrong", "zero byte"])
def test_without_the_token_nothing_is_shown(mirror: Mirror, token: str, name: str) -> None:
    response, body = get(mirror, f"/{token}/{name}")
    assert (response.status, body) == (404, b"not found")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_page_of_another_site_is_refused(mirror: Mirror, host: str) -> None:
    response, body = get(mirror, path(mirror, "picture.png"), host=host)
    assert response.status == 403
    assert b"PNG" not in body


def test_a_forwarded_port_is_welcome(mirror: Mirror) -> None:
    assert get(mirror, path(mirror, "revision"), host="localhost:8000")[0].status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_it_can_only_be_read(mirror: Mirror, method: str) -> None:
    assert get(mirror, path(mirror, ""), method=method)[0].status == 501


def test_it_listens_on_the_loopback_device_only(mirror: Mirror) -> None:
    assert mirror._server.server_address[0] == "127.0.0.1"


def test_tokens_differ_and_before_a_picture_there_is_none() -> None:
    one, other = Mirror(), Mirror()
    try:
        assert urlsplit(one.address).path != urlsplit(other.address).path
        assert len(urlsplit(one.address).path) > 30
        assert get(one, path(one, "picture.png"))[0].status == 404
    finally:
        one.close()
        other.close()
