"""Starts a sandbox. Everything that is decided outside, before the first instruction inside, is here."""

from __future__ import annotations

import contextlib
import marshal
import os
import stat
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

from data.errors import InputError
from eval.filters import landlock, seccomp_rules
from eval.host.gpu import GpuMemory
from eval.sandbox import bwrap, cgroup, cuda, uids
from eval.sandbox.limits import CPU_LIMITS, Level, Limits, View
from eval.sandbox.process import Confined, Resources
from eval.sandbox.visible_files import PROC_FILES, ROOT_FOLDERS, listable, readable
from eval.sandbox.watch import Watched

LAUNCHER = Path(__file__).resolve().parents[1] / "filters" / "launch.py"
BASE_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
DEVICE_NODES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
MARK = "SANDBOX_ID"


def spawn(
    level: Level,
    argv: Sequence[str],
    view: View | None = None,
    limits: Limits = CPU_LIMITS,
    pass_fds: Sequence[int] = (),
    env: Mapping[str, str] | None = None,
    landlock_filter: Callable[[], seccomp_rules.Filter] = seccomp_rules.stage1_landlock,
) -> Confined:
    """Start `argv` confined at `level`. It begins with an absolute program path, usually sys.executable.

    pass_fds: descriptors that keep their numbers inside. No others are open but 0 (/dev/null), 1 and 2 (drained).
    env: the environment inside, beside PATH, HOME, TMPDIR, LANG, PYTHONDONTWRITEBYTECODE and CUDA_VISIBLE_DEVICES.
        The last is the UUID of the view's GPU, which is then cuda:0, or empty. Caches (CUDA, Triton) go to HOME,
        which is the private temporary folder.
    landlock_filter: the system calls refused at level landlock, where no namespace protects modes and times.

    Raises InputError for a view path that is missing, relative, or not readable by the uid inside, and for more
    paths than bwrap takes. Raises OSError if the program cannot be started. A later failure, inside, ends with
    status 125 (launcher) or 1 (bwrap) and a line in `output`.
    """
    view = view or View()
    _check(argv, view)
    resources = Resources(mark=f"{MARK}={uuid.uuid4().hex}")
    gpu: GpuMemory | None = None
    try:
        resources.lease = uids.lease()
        resources.cgroup = cgroup.make_group(limits)
        uid = None if resources.lease is None else resources.lease.uid
        if level is not Level.BWRAP:
            resources.tmp = Path(tempfile.mkdtemp(prefix="sandbox-")).resolve()
        _give([*view.writable, *([resources.tmp] if resources.tmp else [])], uid)
        kept = _keeps_read_search(level, argv, view, uid, resources.tmp)
        rules = seccomp_rules.assemble(landlock_filter()) if level is Level.LANDLOCK else b""
        specification = _specification(level, view, limits, pass_fds, uid, kept, resources.tmp, rules)
        environment = _environment(env or {}, view, resources)
        gpu, known = _gpu(view, limits), _known_files(pass_fds)
        note = _note(level, uid, kept, resources.cgroup)
        process = _start(level, argv, specification, view, limits, pass_fds, environment, resources.cgroup)
    except BaseException:
        if gpu is not None:
            gpu.close()
        resources.release()
        raise
    watched = Watched(process.pid, resources.tmp, tuple(view.writable), gpu, known)
    return Confined(level, note, process, limits, resources, watched)


def _check(argv: Sequence[str], view: View) -> None:
    if not argv or not os.path.isabs(argv[0]):
        raise InputError(f"sandbox program: {argv[0] if argv else 'nothing'}; expected an absolute path")
    for path in (*view.readonly, *view.writable, *([view.cwd] if view.cwd else [])):
        if not path.is_absolute():
            raise InputError(f"sandbox view: {path} is relative; expected an absolute path")
        if not path.exists():
            raise InputError(f"sandbox view: {path} does not exist")


def readable_by_others(path: Path) -> bool:
    """Whether the mode lets every user read the file, or list and enter the folder."""
    mode = path.stat().st_mode
    wanted = stat.S_IROTH | stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH
    return mode & wanted == wanted


def reachable_by_others(paths: Iterable[Path]) -> bool:
    """Whether every user can read all these paths, and may enter all folders above them."""
    wanted = set(paths)
    above = {parent for path in wanted for name in (path, path.resolve()) for parent in name.parents}
    return all(map(readable_by_others, wanted)) and all(map(_may_be_entered, above))


def _may_be_entered(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)


def _keeps_read_search(
    level: Level, argv: Sequence[str], view: View, uid: int | None, tmp: Path | None
) -> bool:
    """Whether the uid inside needs CAP_DAC_READ_SEARCH to reach its files.

    At level bwrap it never does, because the files are mounted; but their own modes must let others read them.
    """
    if uid is None:
        return False
    if level is Level.BWRAP:
        for path in view.readonly:
            if not readable_by_others(path):
                mode = stat.S_IMODE(path.stat().st_mode)
                raise InputError(f"{path}: mode {mode:o} hides it from the sandbox's uid; expected o+rX")
        return False
    needed = [Path(argv[0]), *readable(view)]
    return not (reachable_by_others(needed) and (tmp is None or all(map(_may_be_entered, tmp.parents))))


def _give(folders: Sequence[Path], uid: int | None) -> None:
    if uid is not None:
        for folder in folders:
            os.chown(folder, uid, uid)


def _specification(
    level: Level,
    view: View,
    limits: Limits,
    pass_fds: Sequence[int],
    uid: int | None,
    keep_read_search: bool,
    tmp: Path | None,
    landlock_code: bytes,
) -> bytes:
    """What the launcher is told. The format is marshal: the same interpreter reads it without importing anything."""
    rules = None
    if level is Level.LANDLOCK:
        shown = [*readable(view), *(Path("/") / name for name in ROOT_FOLDERS)]
        devices = list(DEVICE_NODES)
        if view.gpu is not None:
            devices += map(str, cuda.devices(view.gpu))
        rules = {
            "readable": [*map(str, shown), *(f"/proc/{name}" for name in PROC_FILES)],
            "listable": [*map(str, listable(view))],
            "writable": [*map(str, view.writable), str(tmp)],
            "devices": devices,
        }
    return marshal.dumps(
        {
            "namespaces": level is Level.BWRAP,
            "parent": 0 if level is Level.BWRAP else os.getpid(),
            "tmp": str(tmp or ""),
            "cwd": str(view.cwd or tmp or "/tmp"),
            "limits": {name: value for name, value in asdict(limits).items() if isinstance(value, int)},
            "uid": uid,
            "keep_read_search": keep_read_search,
            "pass_fds": list(pass_fds),
            "landlock": rules,
            "filter": landlock_code,
            "filter_pid": seccomp_rules.OWN_PID,
            "keeper_filter": seccomp_rules.assemble(seccomp_rules.stage2()) if level is Level.BWRAP else b"",
        }
    )


def _environment(given: Mapping[str, str], view: View, resources: Resources) -> dict[str, str]:
    home = str(resources.tmp or "/tmp")
    name, _, value = resources.mark.partition("=")
    # At level process every device node exists, so CUDA is told not to use one
    gpu = {"CUDA_VISIBLE_DEVICES": "" if view.gpu is None else view.gpu.uuid}
    return {**BASE_ENVIRONMENT, "HOME": home, "TMPDIR": home, **given, **gpu, name: value}


@lru_cache(maxsize=1)
def _spawner(_pid: int) -> ThreadPoolExecutor:
    """One thread that lives as long as the harness.

    It starts every sandbox, because the kernel's signal at the parent's death comes at the death of the *thread*
    that started the process.
    """
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-spawner")


def _start(
    level: Level,
    argv: Sequence[str],
    specification: bytes,
    view: View,
    limits: Limits,
    pass_fds: Sequence[int],
    environment: dict[str, str],
    group: cgroup.Cgroup | None,
) -> subprocess.Popen[bytes]:
    # The environment holds nothing but what was made here, so bwrap needs no --clearenv
    with contextlib.ExitStack() as open_here:
        told = _in_memory("specification", specification, open_here)
        command = [sys.executable, "-I", "-S", "-B", str(LAUNCHER), str(told), *argv]
        inherited = [*pass_fds, told]
        if level is Level.BWRAP:
            rules = _in_memory("seccomp", seccomp_rules.assemble(seccomp_rules.stage1_bwrap()), open_here)
            options = _in_memory("options", bwrap.options_file(view, limits, rules, command), open_here)
            command = bwrap.command(options, command)
            inherited += [rules, options]
        elif level is Level.LANDLOCK:
            landlock.abi()
        if group is not None:
            command = group.wrap(command)
        return _spawner(os.getpid()).submit(_popen, command, inherited, environment).result()


def _in_memory(name: str, content: bytes, open_here: contextlib.ExitStack) -> int:
    """Descriptor of a memfd with `content`, to be read from its start. It is closed with `open_here`.

    It holds what may be longer than an argument can be. A fresh descriptor keeps its number inside, so it cannot
    collide with a passed one.
    """
    descriptor = os.memfd_create(name)
    open_here.callback(os.close, descriptor)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _popen(command: list[str], pass_fds: list[int], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=pass_fds,
        env=environment,
        cwd="/",
        start_new_session=True,  # the harness alone handles Ctrl-C in the terminal
    )


def _gpu(view: View, limits: Limits) -> GpuMemory | None:
    """NVML's view of the GPU, if its memory is limited and the driver's library can be asked."""
    if view.gpu is None or not limits.gpu_memory_bytes:
        return None
    with contextlib.suppress(OSError):
        return GpuMemory(view.gpu)
    return None


def _known_files(pass_fds: Sequence[int]) -> set[tuple[int, int]]:
    """Device and inode of each file that was handed in. They do not count as the submission's memory."""
    return {(status.st_dev, status.st_ino) for status in map(os.fstat, pass_fds)}


def _note(level: Level, uid: int | None, kept: bool, group: cgroup.Cgroup | None) -> str:
    """How the sandbox is held, in words for the harness's output."""
    parts = ["own uid" if uid is not None else "same user"]
    if level is Level.BWRAP:
        parts.append("no user namespace" if uid is not None else "user namespace")
    if kept:
        parts.append("CAP_DAC_READ_SEARCH kept (files lie where only root can enter)")
    parts.append("memory held by a control group" if group is not None else "memory polled")
    if level is Level.PROCESS:
        parts.append("not confined")
    return ", ".join(parts)
