"""Fetching checkpoints from a server on this machine: whole, resumed, wrong, missing."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.errors import InputError
from eval.submissions.manifest import CheckpointFile
from model_zoo import __main__ as command
from model_zoo.fetch import fetch

CONTENT = bytes(range(256)) * 2000


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT at /x.pth, with ranges; notes what was asked for."""

    asked: list[str | None]

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        type(self).asked.append(wanted)
        if not self.path.endswith("/x.pth"):
            self.send_error(404)
            return
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        body = CONTENT[begin:]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Handler.asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def entry(server: str, content: bytes = CONTENT, name: str = "x.pth") -> CheckpointFile:
    return CheckpointFile(file="x.pth", url=f"{server}/{name}", sha256=hashlib.sha256(content).hexdigest())


def test_a_release_arrives_whole_and_is_not_loaded_twice(server: str, tmp_path: Path) -> None:
    path, loaded = fetch(entry(server), tmp_path)
    assert loaded and path.read_bytes() == CONTENT
    assert fetch(entry(server), tmp_path) == (path, False)
    assert Handler.asked == [None] and [p.name for p in tmp_path.iterdir()] == ["x.pth"]


def test_an_interrupted_download_goes_on_where_it_ended(server: str, tmp_path: Path) -> None:
    (tmp_path / ".x.pth.part").write_bytes(CONTENT[:1000])
    path, _ = fetch(entry(server), tmp_path)
    assert path.read_bytes() == CONTENT and Handler.asked == ["bytes=1000-"]


def test_another_content_is_refused_and_not_kept(server: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"x.pth: its sha256 is not [0-9a-f]{64}, as the manifest says"):
        fetch(entry(server, b"expected something else"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_wrong_file_in_place_is_replaced(server: str, tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(b"old")
    assert fetch(entry(server), tmp_path)[0].read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("{}/none.pth", "404"),
        ("http://127.0.0.1:9/x.pth", "cannot be fetched"),
        ("nonsense/x.pth", "nonsense/x.pth: cannot be fetched .*MissingSchema"),
    ],
)
def test_a_server_that_fails_is_named(server: str, tmp_path: Path, url: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fetch(entry(server).model_copy(update={"url": url.format(server)}), tmp_path)


def test_a_folder_that_cannot_be_made_is_named(server: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"x\.pth: cannot be fetched .*file"):
        fetch(entry(server), tmp_path / "file")


def test_a_mirror_is_asked_instead(server: str, tmp_path: Path) -> None:
    elsewhere = entry("http://127.0.0.1:9")
    assert fetch(elsewhere, tmp_path, mirror=f"{server}/mirror/")[0].read_bytes() == CONTENT


def test_unknown_ids_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["fetch", "9999"]) == 2
    assert "unknown" in capsys.readouterr().err
