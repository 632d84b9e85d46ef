"""The command line of bubblewrap.

If root starts the harness, no user namespace is made. With one, the program would still be the kernel's uid 0, who can
write /proc/sys/kernel/core_pattern. The launcher inside takes an unused uid instead. If a user starts the harness,
the other namespaces need a user namespace, and further ones are forbidden inside.

The launcher is pid 1 of the namespace (--as-pid-1), in place of bwrap's own process. A program of the same uid could
write to bwrap's process through /proc/1/mem, and would then act without the second filter and the limits.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from data.errors import InputError
from eval.sandbox import cuda
from eval.sandbox.limits import SHM_BYTES, Limits, View
from eval.sandbox.visible_files import ROOT_FOLDERS, lies_in, link_chain, outermost, readable

KEPT_BY_ROOT = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")  # the launcher drops them
AS_ROOT = [
    *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
    *("--cap-drop", "ALL"),
    *(option for name in KEPT_BY_ROOT for option in ("--cap-add", name)),
]
AS_USER = [
    *("--unshare-all", "--unshare-user", "--disable-userns"),
    *("--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"),
]
MAX_ARGUMENTS = 9000  # bwrap's own bound, for the command line and the file for --args together
ALWAYS = ["--die-with-parent", "--as-pid-1", "--new-session", "--hostname", "sandbox"]


def executable() -> str:
    """Path of bwrap. Raises FileNotFoundError with the cure if it is not installed."""
    path = shutil.which("bwrap", path=os.environ.get("PATH", "") + ":/usr/local/bin:/usr/bin:/bin")
    if path is None:
        raise FileNotFoundError("bwrap is not installed (Debian and Ubuntu: apt-get install bubblewrap)")
    return path


def _system_folders() -> list[str]:
    options = []
    for folder in (Path("/") / name for name in ROOT_FOLDERS):
        if folder.is_symlink():
            options += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.is_dir():
            options += ["--ro-bind", str(folder), str(folder)]
    return options


def _parents(paths: Iterable[Path], bound: Iterable[Path]) -> list[str]:
    """Options that make the folders above the bound paths. bwrap itself would make them 0700, closed to another uid.

    Nobody may write in them, not even the owner. Otherwise those below /tmp, which stays writable, would take new
    files.
    """
    parents = {parent for path in paths for parent in path.parents} - {Path("/"), Path("/tmp"), Path("/dev")}
    there = {*bound, Path("/proc"), Path("/dev")}
    new = [parent for parent in parents if not lies_in(parent, there)]
    ordered = sorted(new, key=lambda parent: (len(parent.parts), parent))
    return [option for parent in ordered for option in ("--perms", "0555", "--dir", str(parent))]


def _enterable(path: Path) -> list[Path]:
    """`path`, or its contents if it is a folder that only its owner may enter, such as one from `mktemp -d`.

    This matters only for root, whose program gets another uid. bwrap then makes a folder of that name, open to all.
    """
    if os.geteuid() == 0 and path.is_dir() and not path.stat().st_mode & stat.S_IXOTH:
        return sorted(path.iterdir())
    return [path]


def _links(paths: Iterable[Path], bound: Iterable[Path]) -> list[str]:
    """Options for the symbolic links on the way to the interpreter that lie in no bound folder."""
    options, roots = [], set(bound)
    for path in paths:
        for hop in link_chain(path):
            if hop.is_symlink() and not lies_in(hop, roots):
                options += ["--symlink", str(hop.readlink()), str(hop)]
    return options


def command(options_fd: int, program: list[str]) -> list[str]:
    """argv that runs `program` (the launcher) inside, with the options that bwrap reads from `options_fd`."""
    return [executable(), "--args", str(options_fd), "--", *program]


def options_file(view: View, limits: Limits, seccomp_fd: int, program: list[str]) -> bytes:
    """What bwrap reads by --args, since the kernel limits the bytes on a command line. The filter is in `seccomp_fd`.

    Raises InputError if the view has more paths than bwrap takes.
    """
    found = _options(view, limits, seccomp_fd, Path(program[0]))
    if len(found) + len(command(0, program)) > MAX_ARGUMENTS:
        raise InputError(
            f"sandbox view: {len(view.readonly)} paths to read and {len(view.writable)} to write need more than the"
            f" {MAX_ARGUMENTS} arguments that bwrap takes; expected folders instead of files, or fewer files"
        )
    return b"".join(os.fsencode(option) + b"\0" for option in found)


def _options(view: View, limits: Limits, seccomp_fd: int, python: Path) -> list[str]:
    bound = tuple(shown for path in readable(view) for shown in _enterable(path))
    writable = outermost(view.writable)
    options = [*(AS_ROOT if os.geteuid() == 0 else AS_USER), *ALWAYS, *_system_folders()]
    options += ["--proc", "/proc", "--dev", "/dev"]
    size = ["--size", str(limits.tmp_bytes)] if limits.tmp_bytes else []
    options += ["--perms", "1777", *size, "--tmpfs", "/tmp"]
    options += ["--perms", "1777", "--size", str(SHM_BYTES), "--tmpfs", "/dev/shm"]
    links = _links([python], bound)
    options += _parents([*bound, *writable, python], bound) + links
    for path in bound:
        options += ["--ro-bind", str(path), str(path)]
    for path in writable:
        options += ["--bind", str(path), str(path)]
    if view.gpu is not None:
        for node in cuda.devices(view.gpu):
            options += ["--dev-bind", str(node), str(node)]
    options += ["--chdir", str(view.cwd or "/tmp"), "--remount-ro", "/", "--add-seccomp-fd", str(seccomp_fd)]
    return options
