"""Files that every sandbox shows, found at run time: this interpreter, its packages, the system's libraries."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable, Iterator, Set
from functools import lru_cache
from pathlib import Path

from eval.sandbox.limits import Level, View

_EVAL = Path(__file__).resolve().parents[1]
# What the launcher and the lockdown import
RUNTIME_FILES: tuple[Path, ...] = (_EVAL / "__init__.py", *sorted((_EVAL / "filters").glob("*.py")))
SYSTEM = (Path("/usr"), Path("/etc/ld.so.cache"), Path("/etc/alternatives"))
ROOT_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")  # links into /usr, or folders of their own
HARDWARE = (Path("/sys/devices/system/cpu"), Path("/sys/devices/system/node"))
# Parts of /proc that the interpreter, glibc and torch read, beside the process's own folder
PROC_FILES = (
    "cpuinfo",
    "meminfo",
    "stat",
    "version",
    "filesystems",
    "devices",
    "sys/vm",
    "sys/kernel",
    "driver",
)


def link_chain(path: Path) -> Iterator[Path]:
    """`path`, then the target of each symbolic link in turn, until a real file."""
    for _ in range(40):
        yield path
        if not path.is_symlink():
            return
        path = path.parent / path.readlink()


def _package_folders() -> Iterator[Path]:
    """Folders of installed packages. Other entries of sys.path are left out: one of them is this repository."""
    for entry in sys.path:
        if Path(entry).name in ("site-packages", "dist-packages"):
            yield Path(entry)


def _mapped_libraries() -> Iterator[Path]:
    """Shared objects that this interpreter has loaded, from wherever the distribution keeps them."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        name = line.partition("/")[2]
        if ".so" in name:
            yield Path("/" + name)


@lru_cache(maxsize=1)
def interpreter_roots() -> tuple[Path, ...]:
    """Folders and files that this interpreter needs: virtual environment, base installation, libraries."""
    roots = [Path(prefix) for prefix in (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)]
    roots += [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
    roots += [hop.parent for hop in link_chain(Path(sys.executable)) if hop.parent.name == "bin"]
    roots += [*_package_folders(), *_mapped_libraries()]
    with_targets = [target for root in roots for target in (root, root.resolve())]
    return outermost(path for path in with_targets if path.exists() and path != Path("/"))


def lies_in(path: Path, roots: Set[Path]) -> bool:
    """Whether `path` is one of the roots or lies below one. The time does not grow with their number."""
    return path in roots or any(parent in roots for parent in path.parents)


def outermost(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The paths that lie below no other of them, shortest first, each once.

    >>> [str(path) for path in outermost([Path("/a/b"), Path("/c"), Path("/a"), Path("/c")])]
    ['/a', '/c']
    """
    kept: dict[Path, None] = {}
    for path in sorted(set(paths), key=lambda path: (len(path.parts), path)):
        if not lies_in(path, kept.keys()):
            kept[path] = None
    return tuple(kept)


def readable(view: View) -> tuple[Path, ...]:
    """Everything that can be read inside: system files, the interpreter, the launcher's package, the view."""
    from eval.sandbox import cuda

    paths = [*SYSTEM, *HARDWARE, *interpreter_roots(), *RUNTIME_FILES, *view.readonly]
    if view.gpu is not None:
        paths += cuda.libraries() + cuda.system_files()
    return outermost(path for path in paths if path.exists())


def listable(view: View) -> tuple[Path, ...]:
    """Folders that Python must be able to list, at every depth, to import a visible module from them.

    At level bwrap they contain only what is bound. Landlock cannot allow a folder without those below it. So the
    repository's root is not among them, and the worker finds its modules by exact paths.
    """
    modules = [path for path in (*RUNTIME_FILES, *view.readonly) if path.suffix == ".py"]
    folders = {path.resolve().parent for path in modules} | ({view.cwd.resolve()} if view.cwd else set())
    return outermost(folders - {_EVAL.parent})


def is_visible(level: Level, view: View, path: Path) -> bool:
    """Whether code inside could open `path`. If it could open HR images, the harness refuses to start."""
    if level is Level.PROCESS:
        return True
    shown = [*readable(view), *view.writable]
    shown += [Path("/") / name for name in ROOT_FOLDERS]
    roots = {root.resolve() for root in shown}
    return any(lies_in(name, roots) for name in (path, path.resolve()))
