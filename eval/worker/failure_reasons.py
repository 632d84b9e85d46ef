"""Why something failed inside the worker, for people: the error, its place in the team's code, and the cure."""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eval.protocol.job import Source

_EVAL = str(Path(__file__).resolve().parents[1])
_MAX_TEXT = 1500

COMPILE_REFUSED = "torch.compile starts a compiler, which submissions may not; take it out"
# Parts of torch that only a compiled network enters.
COMPILERS = ("/torch/_inductor/", "/torch/_dynamo/", "/triton/")
# Words of errors that a side which is no multiple of a window or stride causes.
SIZE_WORDS = re.compile(r"shape|size|dimension|must match|divisible|multiple", re.IGNORECASE)

_REMOVED_FROM_STANDARD_LIBRARY = {
    "imp": "3.12", "distutils": "3.12", "asynchat": "3.12", "asyncore": "3.12", "smtpd": "3.12",
    "audioop": "3.13", "cgi": "3.13", "cgitb": "3.13", "chunk": "3.13", "crypt": "3.13", "imghdr": "3.13",
    "pipes": "3.13", "sndhdr": "3.13", "telnetlib": "3.13", "uu": "3.13", "xdrlib": "3.13",
}  # fmt: skip


def reason(error: BaseException, source: Source | None = None, size: tuple[int, int] = (0, 0)) -> str:
    """What went wrong: the error's kind and text, the team's line that raised it, and what helps, if it is known.

    source: of the submission. size: height and width of the image that was asked for, 0 if none.
    """
    if type(error).__name__ == "LoadError":
        return str(error)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(_EVAL)]
    own = [f for f in frames if "site-packages" not in f.filename and not f.filename.startswith("<")]
    if any(part in frame.filename for frame in frames for part in COMPILERS):
        own = [f for f in own if f.filename.endswith(".py") and "/lib/python" not in f.filename]
        text = COMPILE_REFUSED
    else:
        text = _text(error, source)[:_MAX_TEXT]
    place = f" (at {Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
    return text + place + _size_hint(error, source, size)


def _text(error: BaseException, source: Source | None) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _missing_module(error.name, source)
    if isinstance(error, SystemExit):
        return f"the submission called sys.exit({error.code!r})"
    if isinstance(error, FileNotFoundError) and str(error):
        return f"{error}{_unlisted(error.filename, source)}"
    if isinstance(error, ValueError) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _missing_module(name: str, source: Source | None) -> str:
    top, _, rest = name.partition(".")
    native = hasattr(source, "script")
    if not native and Path(top).is_dir():  # the working directory is the repository
        return f"the repository has no module '{name}'"
    if top in _REMOVED_FROM_STANDARD_LIBRARY:
        version = _REMOVED_FROM_STANDARD_LIBRARY[top]
        return f"needs the standard module '{top}', which Python {version} removed"
    if not native:
        return f"needs the Python package '{top}', which is not installed"
    beside = rest if top == "models" and rest else top
    cure = f'list it in the manifest: files = ["{beside.replace(".", "/")}.py"]'
    if beside is rest:
        return (
            f"imports '{name}', which is no module that submissions share; if it is a file of its own, {cure}"
        )
    return (
        f"needs the Python package '{top}', which is not installed; if it is a file beside the script, {cure}"
    )


def _unlisted(filename: object, source: Source | None) -> str:
    """What helps if a script reads a file beside it that the sandbox does not show."""
    script = getattr(source, "script", "")
    if not script or not isinstance(filename, (str, bytes)):
        return ""
    path, folder = Path(str(filename)), Path(script).parent
    if path.is_absolute() and not path.is_relative_to(folder):
        return ""
    name = path.relative_to(folder) if path.is_absolute() else path
    return f'; if it is a file beside the script, list it in the manifest: files = ["{name}"]'


def _size_hint(error: BaseException, source: Source | None, size: tuple[int, int]) -> str:
    """What helps if a network cannot take the size of an image: windows and strides want multiples."""
    if not all(size) or getattr(source, "pad_multiple", 0) != 1 or not SIZE_WORDS.search(str(error)):
        return ""
    if "it looks like" in str(error):  # another cause is known
        return ""
    return (
        f"; the image is {size[1]}x{size[0]}: if the network needs sides that are a multiple of some number, set "
        "`pad_multiple` in the manifest"
    )


def scale_hint(found: tuple[int, ...], expected: tuple[int, ...], scale: int) -> str:
    """What a wrong output shape says about the network's scale; empty if it says nothing."""
    if len(found) != 4 or not all(expected):
        return ""
    height, width = expected[2] // scale, expected[3] // scale
    factor, rest = divmod(found[2], height)
    if rest or not factor or found[3] != factor * width or factor == scale:
        return ""
    return f"; it looks like a network for x{factor}, the challenge is x{scale}"
