"""The live site: who is answered, for how long, and what a build that fails costs."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eval.challenge import load
from eval.records import store
from leaderboard import serve
from tests.conftest import ROOT
from tests.leaderboard.makers import record


@pytest.fixture
def server(tmp_path: Path) -> Iterator[serve.Server]:
    (tmp_path / "index.html").write_text("here")
    with serve.Server(0, tmp_path) as started:
        threading.Thread(target=started.serve_forever, args=(0.05,), daemon=True).start()
        yield started
        started.shutdown()


def ask(port: int, method: str, host: str | None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest(method, "/index.html", skip_host=True)
    if host is not None:
        connection.putheader("Host", host)
    connection.endheaders()
    reply = connection.getresponse()
    return reply.status, reply.read()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "", None])
def test_a_foreign_host_is_refused_by_every_method(
    server: serve.Server, method: str, host: str | None
) -> None:
    status, content = ask(server.server_port, method, host)
    assert status == 403 and b"here" not in content


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost:{}", "127.0.0.1:{}"])
def test_the_own_names_are_answered(server: serve.Server, host: str) -> None:
    host = host.format(server.server_port)
    assert ask(server.server_port, "GET", host) == (200, b"here")
    assert ask(server.server_port, "HEAD", host) == (200, b"")
    assert ask(server.server_port, "POST", host)[0] == 501


def test_a_second_host_is_refused(server: serve.Server) -> None:
    connection = socket.create_connection(("127.0.0.1", server.server_port))
    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
    assert b" 403 " in connection.recv(100)


def is_closed(connection: socket.socket, within_s: float) -> bool:
    connection.settimeout(within_s)
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def test_a_half_sent_request_is_ended(server: serve.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve.Handler, "timeout", 0.2)
    half = socket.create_connection(("127.0.0.1", server.server_port))
    half.sendall(b"GET /index.html HTTP/1.1\r\nHost: local")
    assert is_closed(half, 20)


def test_a_request_that_trickles_is_ended(server: serve.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, so only the bound on the whole connection ends it."""
    monkeypatch.setattr(serve, "MOST_SECONDS", 0.5)
    slow = socket.create_connection(("127.0.0.1", server.server_port))
    end = time.monotonic() + 30
    with pytest.raises(ConnectionError):
        while time.monotonic() < end:
            slow.sendall(b"x")
            time.sleep(0.05)


def test_many_half_sent_requests_keep_nobody_out(
    server: serve.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "MOST_CONNECTIONS", 4)
    before = threading.active_count()
    halves = []
    for _ in range(12):
        halves.append(socket.create_connection(("127.0.0.1", server.server_port)))
        halves[-1].sendall(b"GET /")
    assert ask(server.server_port, "GET", "localhost") == (200, b"here")
    assert all(is_closed(one, 20) for one in halves[:8])
    assert eventually(lambda: threading.active_count() <= before + 4)
    assert not is_closed(halves[-1], 0.2), "the newest connections stay"


def eventually(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def test_a_connection_that_breaks_is_not_told(
    server: serve.Server, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = socket.create_connection(("127.0.0.1", server.server_port))
    broken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close by a reset
    broken.sendall(b"GET /index.html HTTP/1.1\r\n")
    broken.close()
    assert ask(server.server_port, "GET", "localhost")[0] == 200
    assert capfd.readouterr().err == ""


class Watched:
    """The watcher on a folder of its own, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.save_dir, self.out = folder / "save", folder / "out"
        self.out.mkdir()
        self.said: list[str] = []
        self.stop = threading.Event()
        store.append(self.save_dir, record("01_A"))
        self.known = serve.state(self.save_dir)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        serve.watch(self.save_dir, load("esr2026"), self.out, self.known, self.stop, self.said.append)

    def says(self, part: str) -> bool:
        return eventually(lambda: any(part in line for line in self.said))

    def page(self) -> str:
        return (self.out / "index.html").read_text()


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr(serve, "POLL_SECONDS", 0.02)
    one = Watched(tmp_path)
    yield one
    one.stop.set()
    one.thread.join(20)


def fail(*_arguments: Any) -> None:
    raise ZeroDivisionError("a figure\n<b>nobody</b> thought of")


def test_the_watcher_survives_any_exception_and_the_page_says_so(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve.rebuild(watched.save_dir, load("esr2026"), watched.out)
    version = (watched.out / "version.txt").read_text()
    watched.thread.start()
    with monkeypatch.context() as broken:
        broken.setattr("leaderboard.site.pages.write_site", fail)
        store.append(watched.save_dir, record("02_B"))
        assert watched.says("not rebuilt: ZeroDivisionError: a figure <b>nobody</b> thought of")
        first, *further = (watched.out / "version.txt").read_text().split("\n")
        assert first == version and len(further) == 1 and "ZeroDivisionError" in further[0]
    store.append(watched.save_dir, record("03_C"))
    assert watched.says("3 records") and "03_C" in watched.page()
    assert "\n" not in (watched.out / "version.txt").read_text()


def test_a_first_build_that_fails_leaves_a_page_that_says_so(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.thread.start()
    with monkeypatch.context() as broken:
        broken.setattr("leaderboard.site.pages.write_site", fail)
        store.append(watched.save_dir, record("02_B"))
        assert watched.says("not rebuilt")
        assert "a figure &lt;b&gt;nobody&lt;/b&gt; thought of" in watched.page()
    store.append(watched.save_dir, record("03_C"))
    assert watched.says("3 records") and "03_C" in watched.page()


def test_a_damaged_record_does_not_end_the_watcher(watched: Watched) -> None:
    watched.thread.start()
    damaged = watched.save_dir / "records" / "000002_x.json"
    damaged.write_bytes(b"\xff{")
    assert watched.says("000002_x.json: not a record")
    damaged.unlink()
    store.append(watched.save_dir, record("03_C"))
    assert watched.says("2 records")


def test_served_by_the_command_line(tmp_path: Path) -> None:
    store.append(tmp_path, record("01_A"))
    command = [sys.executable, "-m", "leaderboard", "serve", "--save_dir", str(tmp_path), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--challenge", "esr2026"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stdout.readline())
        assert found
        assert ask(int(found[1]), "HEAD", "evil.example")[0] == 403
        status, page = ask(int(found[1]), "GET", "localhost")
        assert status == 200 and b"01_A" in page
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
