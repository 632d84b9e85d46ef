"""The build step that a manifest may ask for: compiled operators, made before the submission is loaded.

Its sources are copied into a private folder, where the manifest's command runs in a sandbox of its own: confined as the
submission is, but free to start compilers. What it leaves there is shown to the submission's workers, read-only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from data.errors import InputError
from data.text import without_controls
from eval import files, sandbox
from eval.failures import SubmissionFailed
from eval.filters import seccomp_rules
from eval.harness.worker_setup import Setup
from eval.host import disk
from eval.protocol.job import NativeSource
from eval.submissions.submission import Submission

BUILT_BYTES = 1 << 30
COMMAND_BYTES = 1 << 16  # the kernel takes no longer argument than 128 KiB


@contextlib.contextmanager
def built(submission: Submission, setup: Setup) -> Iterator[Submission]:
    """`submission` with what its build step made in its view; as it is where it has none.

    Raises SubmissionFailed with the last lines of the step's output where it fails, is late or passes a limit.
    """
    source = submission.source
    if submission.build is None or not isinstance(source, NativeSource):
        yield submission
        return
    root = Path(tempfile.mkdtemp(prefix="build-")).resolve()
    try:
        root.chmod(0o711)
        folder = root / submission.build.name
        folder.mkdir()
        _copy(submission.build, folder)
        _run(source.build, folder, setup)
        _open_to_all(folder)
        yield replace(
            submission, visible=(*submission.visible, folder), source=replace(source, modules=str(folder))
        )
    finally:
        disk.remove(root)


def _copy(source: Path, folder: Path) -> None:
    """Regular files alone: a link might lead anywhere. The sandbox's uid may write in every folder."""
    made = {folder}
    for path in _sources(source):
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
        made.update(parent for parent in target.parents if parent.is_relative_to(folder))
    for place in made:
        place.chmod(0o777)


def _sources(folder: Path) -> list[Path]:
    try:
        return files.regular(folder)
    except InputError as error:
        raise SubmissionFailed(f"build: {error}") from None


def _run(command: Sequence[str], folder: Path, setup: Setup) -> None:
    limits = replace(setup.limits, writable_bytes=BUILT_BYTES, file_bytes=BUILT_BYTES)
    view = sandbox.View(writable=(folder,), cwd=folder)
    environment = {"PATH": os.pathsep.join((str(Path(sys.executable).parent), os.defpath))}
    argv = [_program(command[0]), *_arguments(command)]
    try:
        started = sandbox.spawn(
            setup.level,
            argv,
            view,
            limits,
            (),
            environment,
            landlock_filter=seccomp_rules.stage1_landlock_build,
        )
    except InputError as error:
        raise SubmissionFailed(f"build: {error}") from None
    with started as step:
        try:
            status = step.wait(setup.deadlines.load_s)
        except TimeoutError:
            raise SubmissionFailed(f"build: time limit of {setup.deadlines.load_s:g} s exceeded") from None
        step.kill()
    if limit := step.limit_hit():
        raise SubmissionFailed(f"build: {limit}")
    if status != 0:
        text = f"'{' '.join(command)}' ended with status {status}: {_end(step.output())}"
        raise SubmissionFailed(f"build: {text}")
    if disk.used_bytes(folder, BUILT_BYTES) > BUILT_BYTES:
        raise SubmissionFailed(
            f"build: more than {BUILT_BYTES >> 20} MiB left, or folders that cannot be listed"
        )


def _program(name: str) -> str:
    """`python` is the interpreter of the workers, so that what it builds fits them."""
    if "/" in name:
        raise SubmissionFailed(
            f"build: program '{name}': expected a name without a folder, of a program in /bin or /usr/bin"
        )
    path = sys.executable if name == "python" else shutil.which(name, path=os.defpath)
    if path is None:
        raise SubmissionFailed(f"build: there is no program '{name}' on this machine")
    return path


def _arguments(command: Sequence[str]) -> list[str]:
    """What follows the program's name."""
    if any("\0" in part for part in command):
        raise SubmissionFailed("build: the command holds a NUL character, which no program can be given")
    size = sum(len(part.encode()) + 1 for part in command)
    if size > COMMAND_BYTES:
        raise SubmissionFailed(f"build: a command of {size} bytes, expected at most {COMMAND_BYTES}")
    return list(command[1:])


def _end(output: bytes) -> str:
    return " | ".join(without_controls(output.decode("utf-8", "replace")).split("\n")[-6:]).strip(" |")[-600:]


def _open_to_all(folder: Path) -> None:
    """Readable by the workers' uid, writable by nobody else; no process of the step is left."""
    for place, folders, names in os.walk(folder):
        os.chmod(place, 0o755)
        for name in names:
            path = os.path.join(place, name)
            if not os.path.islink(path):
                os.chmod(path, 0o755)
        folders[:] = [name for name in folders if not os.path.islink(os.path.join(place, name))]
