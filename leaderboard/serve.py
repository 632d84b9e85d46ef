"""`python -m leaderboard serve`: the site on this machine only, built again whenever a record arrives."""

from __future__ import annotations

import contextlib
import functools
import html
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from data.errors import InputError
from data.text import printable
from eval.challenge import Challenge
from eval.records.store import RECORDS, read_rounds
from leaderboard import build
from leaderboard.site import pages
from leaderboard.site.pages import VERSION_FILE

POLL_SECONDS = 2.0
# A connection is closed after the first time if nothing moves, and after the second in any case.
IDLE_SECONDS, MOST_SECONDS = 10.0, 120.0
MOST_CONNECTIONS = 32
RecordNames = tuple[str, ...] | None
OWN_NAMES = ("127.0.0.1", "localhost")
WAITING_PAGE = """<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="3"><title>Waiting</title>
<p>{}
"""


class Handler(SimpleHTTPRequestHandler):
    """Files of the site, never cached because they change meanwhile. Requests by another host name are refused."""

    timeout = IDLE_SECONDS

    def parse_request(self) -> bool:
        """Read the request. Every method comes through here, so a foreign host name is refused for all of them."""
        if not super().parse_request():
            return False
        # A foreign page can point a host name of its own at 127.0.0.1 and read from here. The Host header shows it.
        hosts = [host.strip().rpartition(":")[0] or host for host in self.headers.get_all("Host", [])]
        if len(hosts) == 1 and hosts[0].lower() in OWN_NAMES:
            return True
        self.send_error(403, "this server answers to 127.0.0.1 and localhost only")
        return False

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *args: Any) -> None:
        """Requests are not logged."""


class Server(ThreadingHTTPServer):
    """Serves `folder` on 127.0.0.1, on a bounded number of connections, each for a bounded time."""

    def __init__(self, port: int, folder: Path) -> None:
        """Listen. Raises OSError or OverflowError if the port cannot be had."""
        self._since: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), functools.partial(Handler, directory=str(folder)))

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own. If there are too many connections, the oldest one gives way."""
        with self._lock:
            self._since[request] = time.monotonic()
            surplus = list(self._since)[:-MOST_CONNECTIONS]
        for connection in surplus:
            self._end(connection)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, and forget it."""
        self._forget(request)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End the connections that last too long. `serve_forever` calls this twice a second."""
        with self._lock:
            late = [one for one, start in self._since.items() if time.monotonic() - start > MOST_SECONDS]
        for connection in late:
            self._end(connection)

    def handle_error(self, *_arguments: Any) -> None:
        """A client that went away is no event. Anything else is told in one line."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            print(
                _one_line(f"a request failed: {type(error).__name__}: {error}"), file=sys.stderr, flush=True
            )

    def _end(self, connection: socket.socket) -> None:
        """Wake the thread that waits for a connection; it then closes it."""
        self._forget(connection)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    def _forget(self, connection: socket.socket) -> None:
        with self._lock:
            self._since.pop(connection, None)


def state(save_dir: Path) -> RecordNames:
    """Names of the records there are; records never change, so a new name is the only event.

    None while the folder cannot be listed.
    """
    try:
        return tuple(sorted(path.name for path in (save_dir / RECORDS).glob("*.json")))
    except OSError:
        return None


def rebuild(save_dir: Path, challenge: Challenge, out: Path) -> None:
    """Build the site, or a page that waits if there is nothing to rank yet."""
    if not state(save_dir):
        _write_waiting(out, "Waiting for the first record.")
        return
    records = build.load_records(save_dir, challenge)
    frame = build.write_tables(records, challenge, out, read_rounds(save_dir))
    pages.write_site(records, challenge, frame, save_dir, out)


def told(error: Exception, out: Path) -> str:
    """Have the pages of the site say that it could not be rebuilt; the same in a line for the terminal."""
    text = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
    problem = f"not rebuilt: {_one_line(text)}"
    with contextlib.suppress(OSError):  # a full disk; the terminal still tells
        _show(out, problem)
    return problem


def _show(out: Path, problem: str) -> None:
    """Have open pages show `problem`: they poll the version file, and show its further lines."""
    version = out / VERSION_FILE
    if not version.is_file():
        _write_waiting(out, f"The site was {problem}")
        return
    first = version.read_text(encoding="utf-8").split("\n")[0]
    version.write_text(f"{first}\nParts of the site show earlier records. It was {problem}", encoding="utf-8")


def _write_waiting(out: Path, text: str) -> None:
    (out / "index.html").write_text(WAITING_PAGE.format(html.escape(text)), encoding="utf-8")


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))[:400]


def watch(
    save_dir: Path,
    challenge: Challenge,
    out: Path,
    known: RecordNames,
    stop: threading.Event,
    say: Callable[[str], None],
) -> None:
    """Rebuild whenever the records are no longer those of `known`, until `stop`.

    Nothing that a record or a folder holds ends it: it says what went wrong, and waits for the next record.
    """
    while not stop.wait(POLL_SECONDS):
        now = state(save_dir)
        if now == known:
            continue
        known = now
        try:
            rebuild(save_dir, challenge, out)
            say(f"{len(now or ())} records")
        except Exception as error:
            say(told(error, out))


def serve_site(save_dir: Path, challenge: Challenge, port: int) -> int:
    """Serve until interrupted. Raises InputError if there is no such folder or the port is taken."""
    with tempfile.TemporaryDirectory(prefix="leaderboard_") as folder:
        out = Path(folder)
        try:
            server = Server(port, out)
        except (OSError, OverflowError) as error:
            raise InputError(f"--port {port}: cannot listen on 127.0.0.1 ({error})") from None
        with server:
            build.check_folder(save_dir)
            known = state(save_dir)
            _first_build(save_dir, challenge, out)
            _serve_until_interrupted(server, save_dir, challenge, out, known)
    return 0


def _first_build(save_dir: Path, challenge: Challenge, out: Path) -> None:
    try:
        rebuild(save_dir, challenge, out)
    except InputError:
        raise
    except Exception as error:
        print(told(error, out), flush=True)


def _serve_until_interrupted(
    server: Server, save_dir: Path, challenge: Challenge, out: Path, known: RecordNames
) -> None:
    stop = threading.Event()
    say = functools.partial(print, flush=True)
    watcher = threading.Thread(target=watch, args=(save_dir, challenge, out, known, stop, say), daemon=True)
    watcher.start()
    say(f"Serving {save_dir} at http://127.0.0.1:{server.server_port}/ (Ctrl-C stops)")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        say("Stopped.")
    finally:
        stop.set()
        watcher.join(POLL_SECONDS + 30)
