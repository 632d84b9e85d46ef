"""`python -m leaderboard serve`: the site on this machine only, built again whenever a record arrives."""

from __future__ import annotations

import functools
import tempfile
import threading
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from data.errors import InputError
from data.text import without_controls
from eval.challenge import Challenge
from eval.records.store import RECORDS, read_rounds
from leaderboard import build
from leaderboard.site import pages

POLL_SECONDS = 2.0
WAITING_PAGE = """<!doctype html><meta http-equiv="refresh" content="3"><title>Waiting</title>
<p>Waiting for the first record.
"""


class Handler(SimpleHTTPRequestHandler):
    """Files of the site, never cached because they change meanwhile. Requests by another host name are refused."""

    def do_GET(self) -> None:
        # A foreign page can point a host name of its own at 127.0.0.1 and read from here. The Host header shows it.
        host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
        if host not in ("127.0.0.1", "localhost"):
            self.send_error(403, "this server answers to 127.0.0.1 and localhost only")
            return
        super().do_GET()

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *args: Any) -> None:
        """Requests are not logged."""


def state(save_dir: Path) -> tuple[str, ...]:
    """Names of the records there are; records never change, so a new name is the only event."""
    return tuple(sorted(path.name for path in (save_dir / RECORDS).glob("*.json")))


def rebuild(save_dir: Path, challenge: Challenge, out: Path) -> None:
    """Build the site, or a page that waits if there is nothing to rank yet."""
    if not state(save_dir):
        (out / "index.html").write_text(WAITING_PAGE, encoding="utf-8")
        return
    records = build.load_records(save_dir, challenge)
    frame = build.write_tables(records, challenge, out, read_rounds(save_dir))
    pages.write_site(records, challenge, frame, save_dir, out)


def watch(
    save_dir: Path, challenge: Challenge, out: Path, stop: threading.Event, say: Callable[[str], None]
) -> None:
    """Rebuild whenever the records change, until `stop`."""
    known = state(save_dir)
    while not stop.wait(POLL_SECONDS):
        now = state(save_dir)
        if now == known:
            continue
        try:
            rebuild(save_dir, challenge, out)
            say(f"{len(now)} records")
        except InputError as error:
            say(without_controls(f"not rebuilt: {error}"))
        known = now


def serve_site(save_dir: Path, challenge: Challenge, port: int) -> int:
    """Serve until interrupted. Raises InputError if there is no such folder or the port is taken."""
    with tempfile.TemporaryDirectory(prefix="leaderboard_") as folder:
        out = Path(folder)
        handler = functools.partial(Handler, directory=folder)
        try:
            server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        except (OSError, OverflowError) as error:
            raise InputError(f"--port {port}: cannot listen on 127.0.0.1 ({error})") from None
        with server:
            build.check_folder(save_dir)
            rebuild(save_dir, challenge, out)
            _serve_until_interrupted(server, save_dir, challenge, out)
    return 0


def _serve_until_interrupted(
    server: ThreadingHTTPServer, save_dir: Path, challenge: Challenge, out: Path
) -> None:
    stop = threading.Event()
    say = functools.partial(print, flush=True)
    watcher = threading.Thread(target=watch, args=(save_dir, challenge, out, stop, say), daemon=True)
    watcher.start()
    say(f"Serving {save_dir} at http://127.0.0.1:{server.server_port}/ (Ctrl-C stops)")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        say("Stopped.")
    finally:
        stop.set()
        watcher.join(POLL_SECONDS + 30)
