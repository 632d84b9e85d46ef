"""The organiser's side of the corpus: a folder with what must be protected, and batches run on it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import cv2

from data.images import read_rgb
from eval import cli, sandbox
from eval.harness import worker_process
from eval.records import store
from eval.records.schema import Record
from eval.sandbox import Level
from eval.sandbox.limits import GIB
from leaderboard.summary import summarise
from tests.conftest import ROOT
from tests.hostile import corpus
from tests.hostile.corpus import Hostile

MEMORY_BYTES = 2 * GIB  # room for torch, little for anything else
IMAGE_LIMIT_S = 60.0


@dataclass(frozen=True)
class Arena:
    """Folders of one batch. They are readable by every user, so that nothing but the sandbox protects them."""

    folder: Path

    @property
    def hr(self) -> Path:
        return self.folder / "HR"

    @property
    def lr(self) -> Path:
        return self.folder / "LR"

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def save_dir(self) -> Path:
        return self.folder / "results"

    def precious(self) -> dict[str, tuple[bytes, int, int]]:
        """Content, mode and time of change of everything that a submission must leave alone."""
        kept = (self.hr, self.lr, self.repository)
        files = [
            path for folder in kept for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts
        ]
        return {str(path): (_content(path), path.stat().st_mode, path.stat().st_mtime_ns) for path in files}


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() and path.stat().st_size < 1 << 24 else b""


@contextlib.contextmanager
def arena(pairs: tuple[Path, Path]) -> Iterator[Arena]:
    """A fresh arena with copies of `pairs` (HR, LR), gone afterwards."""
    made = Arena(Path(tempfile.mkdtemp(prefix="hostile-")))
    try:
        made.folder.chmod(0o755)
        for source, copy in zip(pairs, (made.hr, made.lr), strict=True):
            shutil.copytree(source, copy)
        made.repository.mkdir()
        made.save_dir.mkdir()
        made.save_dir.chmod(0o777)
        yield made
    finally:
        shutil.rmtree(made.folder, ignore_errors=True)


class Listener:
    """Sockets of the organiser that nobody may reach. `heard` lists those that were reached."""

    def __init__(self, folder: Path) -> None:
        self.heard: list[str] = []
        self.unix_path, self.abstract = str(folder / "socket"), f"hostile-{os.getpid()}-{id(self)}"
        self.datagrams = str(folder / "datagrams")
        self._sockets = [
            socket.socket(socket.AF_INET),
            socket.socket(socket.AF_UNIX),
            socket.socket(socket.AF_UNIX),
        ]
        addresses: tuple[Any, ...] = (("127.0.0.1", 0), self.unix_path, "\0" + self.abstract)
        for one, address in zip(self._sockets, addresses, strict=True):
            one.bind(address)
            one.listen()
            threading.Thread(target=self._accept, args=(one,), daemon=True).start()
        self._hearing = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._hearing.bind(self.datagrams)
        threading.Thread(target=self._hear, daemon=True).start()
        for path in (self.unix_path, self.datagrams):
            os.chmod(path, 0o777)
        self.port = int(self._sockets[0].getsockname()[1])

    def _accept(self, one: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = one.accept()
                self.heard.append(str(one.getsockname()))
                connection.close()

    def _hear(self) -> None:
        with contextlib.suppress(OSError):
            while self._hearing.recv(1):
                self.heard.append(self.datagrams)

    def close(self) -> None:
        for one in (*self._sockets, self._hearing):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def tell_attackers(made: Arena, listener: Listener) -> None:
    """Write down all that a well-informed attacker could know."""
    corners = []
    for path in sorted(made.lr.glob("*.png")):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        assert image is not None
        corners.append([float(value) for value in image[0, 0, ::-1]])
    first = [sorted(folder.glob("*.png"))[0] for folder in (made.lr, made.hr)]
    stored = [read_rgb(path).tolist() for path in first]
    earlier = made.save_dir / "earlier.json"
    earlier.write_text("{}")
    earlier.chmod(0o666)
    content = {
        "hr": [str(path) for path in sorted(made.hr.glob("*.png"))],
        "sources": [str(made.repository / "test_demo.py"), str(made.repository / "models" / "base.py")],
        "harness": [
            str(ROOT / "eval" / name)
            for name in ("worker/__main__.py", "metrics/registry.py", "harness/evaluate.py")
        ],
        "checkpoints": [str(made.repository / "model_zoo" / "honest.pth")],
        "results": [str(earlier), str(made.save_dir / "results.json")],
        "pids": sorted({os.getpid(), os.getppid()}),
        "port": listener.port,
        "unix_path": listener.unix_path,
        "abstract": listener.abstract,
        "datagrams": listener.datagrams,
        "lr_corners": corners,
        "stored": stored,
    }
    (made.repository / "known.json").write_text(json.dumps(content))


@contextlib.contextmanager
def bounds(limits_s: dict[str, float]) -> Iterator[None]:
    """Give the batch little memory and one thread, and the submissions named in `limits_s` short times."""
    load = worker_process.WorkerProcess.load

    def limited(self: worker_process.WorkerProcess) -> object:
        limit_s = limits_s.get(self._submission.model)
        if limit_s:
            deadlines = replace(self._setup.deadlines, load_s=limit_s, image_s=limit_s)
            self._setup = replace(self._setup, deadlines=deadlines)
        return load(self)

    with (
        mock.patch.object(worker_process.WorkerProcess, "load", limited),
        mock.patch.dict(os.environ, OMP_NUM_THREADS="1"),
        mock.patch.object(sandbox, "CPU_LIMITS", replace(sandbox.CPU_LIMITS, memory_bytes=MEMORY_BYTES)),
    ):
        yield


def judge(made: Arena, level: Level, protocol: str, *more: object) -> int:
    """Run the command line on the arena's repository; its exit status."""
    arguments = [
        "--repo", made.repository, "--all", "--pairs", made.hr, made.lr, "--save_dir", made.save_dir,
        "--device", "cpu", "--sandbox", level.value, "--protocol", protocol, "--timeout", IMAGE_LIMIT_S, *more,
    ]  # fmt: skip
    return cli.main(summarise, [str(argument) for argument in arguments])


@dataclass(frozen=True)
class Outcome:
    """What a batch gave. changed: precious files that are not as before. heard: sockets that were reached."""

    status: int
    honest: Record
    records: dict[str, Record]
    changed: list[str]
    heard: list[str]
    survivors: list[str]


def run(pairs: tuple[Path, Path], level: Level, protocol: str, members: Sequence[Hostile]) -> Outcome:
    """Judge `members` in one batch with the honest submission; records are keyed by the members' names."""
    with arena(pairs) as made:
        numbered = corpus.write_repository(made.repository, members)
        listener = Listener(made.folder)
        tell_attackers(made, listener)
        before = made.precious()
        try:
            limits_s = {key: one.limit_s for key, one in numbered.items() if one.limit_s}
            with bounds(limits_s):
                status = judge(made, level, protocol, "--repeats", 1)
            left = survivors(made)
        finally:
            listener.close()
        after = made.precious()
        found = {record.submission.model_id: record for record in store.read_all(made.save_dir)}
        return Outcome(
            status=status,
            honest=found["1"],
            records={
                one.name: found[str(int(key[:2]))]
                for key, one in numbered.items()
                if str(int(key[:2])) in found
            },
            changed=[path for path in {**before, **after} if before.get(path) != after.get(path)],
            heard=listener.heard,
            survivors=left,
        )


def survivors(made: Arena) -> list[str]:
    """Command lines of processes that still work in the arena's repository."""
    left = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with contextlib.suppress(OSError):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if str(made.repository) in command or str(process.joinpath("cwd").readlink()) == str(
                    made.repository
                ):
                    left.append(command)
    return left
