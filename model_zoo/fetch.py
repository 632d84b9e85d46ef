"""Downloads the authors' released checkpoints: resumed after an interruption, kept only if the sha256 is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pooch
import requests
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from data.errors import InputError
from data.text import printable
from eval.submissions.fingerprint import sha256
from eval.submissions.manifest import MODEL_ZOO, CheckpointFile, Manifest

_TIMEOUT_S = 30
_BLOCK_BYTES = 1 << 16


def files(manifest: Manifest) -> list[CheckpointFile]:
    """The checkpoints that `manifest` names with an address to fetch them from."""
    return [entry for entry in manifest.authors.values() if entry.url]


def fetch(entry: CheckpointFile, folder: Path = MODEL_ZOO, mirror: str = "") -> tuple[Path, bool]:
    """Make sure that `folder/entry.file` is there with the right content. Returns its path, and whether it is new.

    mirror: an address that holds files of the same names. It is asked instead of the authors' address.
    Raises InputError: no address, server or network error, wrong sha256. Of a download that broke off, the part is
    kept and continued next time. Of a file with the wrong sha256, nothing is kept.
    """
    target = folder / entry.file
    if target.is_file() and (not entry.sha256 or sha256(target) == entry.sha256):
        return target, False
    url = f"{mirror.rstrip('/')}/{Path(entry.file).name}" if mirror else entry.url
    part = target.with_name(f".{target.name}.part")
    known = f"sha256:{entry.sha256}" if entry.sha256 else None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        pooch.retrieve(url, known, target.name, target.parent, downloader=ResumingDownloader(part))
    except (requests.RequestException, OSError) as error:  # before ValueError, which a wrong address is too
        raise InputError(f"{url}: cannot be fetched: {_reason(error, url, target)}") from None
    except ValueError:
        part.unlink(missing_ok=True)
        raise InputError(
            f"{url}: its sha256 is not {entry.sha256}, as the manifest says; nothing was kept; "
            "try again, or ask the authors for the file that the manifest describes"
        ) from None
    part.unlink(missing_ok=True)
    return target, True


def _reason(error: requests.RequestException | OSError, url: str, target: Path) -> str:
    """What went wrong, in words for a user, and the cure."""
    by_hand = f"or save the file as {target} yourself"
    host = printable(urlsplit(url).hostname or url)
    if isinstance(error, requests.HTTPError) and error.response is not None:
        answer = f"{error.response.status_code} {printable(error.response.reason or '')}".strip()
        return f"{host} answers {answer}; give another address with --mirror URL, {by_hand}"
    if isinstance(error, requests.exceptions.SSLError):
        return f"the certificate of {host} is not accepted; check the clock and the proxy, {by_hand}"
    if isinstance(error, requests.Timeout):
        return f"{host} did not answer within {_TIMEOUT_S} s; try again later, {by_hand}"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"the connection to {host} broke off; run the same command again, which goes on from there"
    if isinstance(error, requests.ConnectionError):
        return f"{host} cannot be reached; check the network connection, try --mirror URL, {by_hand}"
    if isinstance(error, requests.RequestException):
        return "it is no web address; expected one that begins with https://"
    return f"{error.filename or target}: {error.strerror or printable(str(error))}"


class ResumingDownloader:
    """A pooch downloader with a progress bar. It continues `part`, which an earlier attempt left."""

    def __init__(self, part: Path) -> None:
        self._part = part

    def __call__(self, url: str, output_file: Any, _pooch: Any, check_only: bool = False) -> bool | None:
        if check_only:
            return requests.head(url, timeout=_TIMEOUT_S, allow_redirects=True).ok
        self._continue(url)
        Path(output_file).write_bytes(self._part.read_bytes())
        return None

    def _continue(self, url: str) -> None:
        have = self._part.stat().st_size if self._part.is_file() else 0
        headers = (
            {"Range": f"bytes={have}-", "Accept-Encoding": "identity"}
            if have
            else {"Accept-Encoding": "identity"}
        )
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
            if have and response.status_code == 416:  # nothing is left to send: the part is whole, or wrong
                return
            response.raise_for_status()
            if response.status_code != 206:  # the server does not resume, so begin anew
                have = 0
            total = have + int(response.headers.get("Content-Length", 0)) or None
            with self._part.open("ab" if have else "wb") as stream, _bar() as bar:
                task = bar.add_task(
                    self._part.name.strip(".").removesuffix(".part"), total=total, completed=have
                )
                for block in response.iter_content(_BLOCK_BYTES):
                    stream.write(block)
                    bar.advance(task, len(block))


def _bar() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
