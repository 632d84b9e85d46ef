"""Fetching checkpoints from a server on this machine: whole, resumed, wrong, missing."""

from __future__ import annotations

import hashlib
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from data.errors import InputError
from eval.submissions.catalogue import listed
from eval.submissions.manifest import CheckpointFile
from model_zoo import __main__ as command
from model_zoo.fetch import fetch
from tests.conftest import ROOT

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


# What a user reads for each thing that goes wrong. Port 9 has no server, and `.invalid` is no domain.
FAILURES = [
    ("{}/none.pth", r"127\.0\.0\.1 answers 404 Not Found; give another address with --mirror URL"),
    ("http://127.0.0.1:9/x.pth", r"127\.0\.0\.1 cannot be reached; check the network connection"),
    ("https://nobody.invalid/x.pth", r"nobody\.invalid cannot be reached; check the network connection"),
    ("nonsense/x.pth", "it is no web address; expected one that begins with https://"),
    ("ftp://127.0.0.1/x.pth", "it is no web address; expected one that begins with https://"),
]


@pytest.mark.parametrize(("url", "message"), FAILURES)
def test_a_server_that_fails_is_named(server: str, tmp_path: Path, url: str, message: str) -> None:
    address = url.format(server)
    with pytest.raises(InputError, match=f": cannot be fetched: {message}") as caught:
        fetch(entry(server).model_copy(update={"url": address}), tmp_path)
    assert str(caught.value).startswith(address) and "\n" not in str(caught.value)
    assert not any(word in str(caught.value) for word in ("Pool", "urllib3", "Error(", "Max retries"))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (requests.exceptions.SSLError("x"), "the certificate of a.org is not accepted"),
        (requests.exceptions.ReadTimeout("x"), "a.org did not answer within 30 s"),
        (requests.exceptions.ConnectTimeout("x"), "a.org did not answer within 30 s"),
        (requests.exceptions.ChunkedEncodingError("x"), "broke off; run the same command again"),
        (OSError(28, "No space left on device", "/x"), "/x: No space left on device"),
    ],
)
def test_other_failures_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr("pooch.retrieve", fail)
    with pytest.raises(InputError, match=message):
        fetch(entry("https://a.org"), tmp_path)


def test_a_folder_that_cannot_be_made_is_named(server: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"x\.pth: cannot be fetched: .*file: File exists"):
        fetch(entry(server), tmp_path / "file")


def test_a_mirror_is_asked_instead(server: str, tmp_path: Path) -> None:
    elsewhere = entry("http://127.0.0.1:9")
    assert fetch(elsewhere, tmp_path, mirror=f"{server}/mirror/")[0].read_bytes() == CONTENT


def test_unknown_ids_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["fetch", "9999"]) == 2
    assert "unknown" in capsys.readouterr().err


MANIFEST = """
id = 7
team = "{team}"
name = "{team}"
class = "Net"
data_range = 1.0
[checkpoint]
file = "{file}"
url = "{server}/x.pth"
sha256 = "{sha256}"
"""


def write_manifest(folder: Path, server: str, team: str, text: str = MANIFEST) -> None:
    sha = hashlib.sha256(CONTENT).hexdigest()
    content = text.format(team=team, server=server, file=f"{team}.pth", sha256=sha)
    (folder / f"team07_{team}.toml").write_text(content, encoding="utf-8")


def test_all_goes_on_past_equal_ids_and_wrong_manifests(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    models, zoo = tmp_path / "models", tmp_path / "zoo"
    models.mkdir()
    for team in ("First", "Second"):
        write_manifest(models, server, team)
    write_manifest(models, server, "Wrong", "id = 'seven'")
    write_manifest(models, server, "Zero", MANIFEST.replace("x.pth", "none.pth"))
    monkeypatch.setattr(listed, "__defaults__", (models,))
    monkeypatch.setattr(fetch, "__defaults__", (zoo, ""))
    assert command.main(["fetch", "all"]) == 1
    said = capsys.readouterr()
    assert [line for line in said.out.splitlines() if line.startswith("07")] == [
        "07_First: First.pth fetched, sha256 checked",
        "07_Second: Second.pth fetched, sha256 checked",
    ]
    assert "team07_Wrong.toml: field" in said.err and "07_Zero: " in said.err and "answers 404" in said.err
    assert sorted(path.name for path in zoo.iterdir()) == ["First.pth", "Second.pth"]


def test_the_command_helps() -> None:
    for arguments in (["--help"], ["fetch", "--help"]):
        done = subprocess.run(
            [sys.executable, "-m", "model_zoo", *arguments], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0 and "fetch" in done.stdout
