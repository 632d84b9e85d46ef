"""The corpus of hostile submissions: what each file states about itself, and a toy repository made of them.

The lines at the top of a submission:

    # @expected: VERDICT    once or more often; all of them must come true (see `verdicts.py`)
    # @levels: NAMES        confinement levels that promise this; all of them if the line is missing
    # @protocol: robust     if the second, timed worker is the point; otherwise `ntire`
    # @limit_s: 3           time limit for loading and for each image, instead of the batch's generous one
    # @checkpoint: KIND     one of `CHECKPOINTS` below, made beside the repository's other files
    # @name: TEXT           the results key that it claims, instead of its own
    # @places: PATHS        copies of the file elsewhere in the repository, where others' imports could find them
    # @default: yes         judged in every run of the tests, at the strongest level; the others are `slow`
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.sandbox import Level

FOLDER = Path(__file__).parent / "submissions"
BASE = "base"
HONEST = "honest"
GIB = 1 << 30


@dataclass(frozen=True)
class Hostile:
    """One submission of the corpus, as the lines at its top describe it."""

    name: str
    expected: tuple[str, ...]
    levels: frozenset[Level]
    protocol: str
    limit_s: float | None
    checkpoint: str
    claimed_name: str
    places: tuple[str, ...]
    is_default: bool

    @property
    def file(self) -> Path:
        return FOLDER / f"{self.name}.py"


def parse(path: Path) -> Hostile:
    """The submission in `path`. Raises ValueError if it states no verdict, or something unknown."""
    stated: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        found = re.fullmatch(r"# @(\w+): (.+)", line)
        if not found:
            break
        stated.setdefault(found.group(1), []).append(found.group(2).strip())
    known = {"expected", "levels", "protocol", "limit_s", "checkpoint", "name", "places", "default"}
    if "expected" not in stated or set(stated) - known:
        raise ValueError(
            f"{path}: states {sorted(stated)}; expected '@expected' and others of {sorted(known)}"
        )
    single = {key: values[0] for key, values in stated.items()}
    return Hostile(
        name=path.stem,
        expected=tuple(stated["expected"]),
        levels=frozenset(map(Level, single["levels"].split())) if "levels" in single else frozenset(Level),
        protocol=single.get("protocol", "ntire"),
        limit_s=float(single["limit_s"]) if "limit_s" in single else None,
        checkpoint=single.get("checkpoint", ""),
        claimed_name=single.get("name", ""),
        places=tuple(single.get("places", "").split()),
        is_default=single.get("default") == "yes",
    )


def corpus() -> list[Hostile]:
    """All hostile submissions, by name, without the honest one."""
    files = [path for path in sorted(FOLDER.glob("*.py")) if path.stem not in (BASE, HONEST)]
    return [parse(path) for path in files]


HEADER = """
def select_model(args, device):
    model_id = args.model_id
"""
FOOTER = """
    else:
        raise NotImplementedError(f"Model {model_id} is not implemented.")
    return model.to(device), name, 255.0, None
"""


def key(number: int, name: str) -> str:
    """The results key of a submission, such as `07_calls_sys_exit`."""
    return f"{number:02}_{name}"


def write_repository(folder: Path, members: Sequence[Hostile]) -> dict[str, Hostile]:
    """An NTIRE repository of the honest submission (01) and `members`; returns these by their results keys."""
    models, zoo = folder / "models", folder / "model_zoo"
    for place in (folder, models, zoo):
        place.mkdir(exist_ok=True)
        place.chmod(0o755)
    (zoo / "honest.pth").write_bytes(b"nobody loads this one")
    numbered = {key(number, one.name): one for number, one in enumerate(members, start=2)}
    lines = [HEADER, *_branch(1, "if", key(1, HONEST), HONEST, "")]
    for number, one in enumerate(members, start=2):
        checkpoint = ""
        if one.checkpoint:
            checkpoint = f"model_zoo/{one.name}.pth"
            _make_checkpoint(folder / checkpoint, one.checkpoint)
        lines += _branch(number, "elif", one.claimed_name or key(number, one.name), one.name, checkpoint)
    (folder / "test_demo.py").write_text("".join(lines) + FOOTER)
    for name in (BASE, HONEST, *(one.name for one in members)):
        (models / f"{name}.py").write_bytes((FOLDER / f"{name}.py").read_bytes())
    for one in members:
        for place in one.places:
            (folder / place).write_bytes(one.file.read_bytes())
    return numbered


def _branch(number: int, word: str, name: str, module: str, checkpoint: str) -> list[str]:
    argument = f'"{checkpoint}"' if checkpoint else ""
    return [
        f"    {word} model_id == {number}:\n",
        f'        name = "{name}"\n',
        f"        from models.{module} import make\n",
        f"        model = make({argument})\n",
    ]


def _make_checkpoint(path: Path, kind: str) -> None:
    """A file that a submission hands in as its checkpoint."""
    CHECKPOINTS[kind](path)


def _numbers(path: Path) -> None:
    """A good checkpoint of 200000 numbers."""
    import torch

    torch.save({"weight": torch.zeros(200_000)}, path)


class _RunsCode:
    """Unpickling calls a function of the attacker's choice. This one only raises an exception."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return exec, ("raise RuntimeError('BREACH: a pickle ran code')",)


def _pickle(path: Path) -> None:
    import torch

    torch.save({"weight": _RunsCode()}, path)


def _deflated_zeros(path: Path) -> None:
    """A torch file whose one storage of 3 GiB is compressed to 13 MB; torch itself never compresses."""
    import torch

    torch.save({"weight": torch.zeros(1)}, path)
    with zipfile.ZipFile(path) as archive:
        members = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    n_numbers = 3 * GIB // 4
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            if name.endswith("/data/0"):
                with archive.open(name, "w", force_zip64=True) as stream:
                    for _ in range(4 * n_numbers >> 26):
                        stream.write(bytes(1 << 26))
            elif name.endswith("/data.pkl"):
                archive.writestr(name, _claim(content, n_numbers))
            else:
                archive.writestr(name, content)


def _claim(pickled: bytes, n_numbers: int) -> bytes:
    """The pickle of one number, saying that there are `n_numbers`."""
    one = b"K\x01tq"  # BININT1 1, TUPLE: the storage's size
    claim = b"\x8a\x08" + struct.pack("<q", n_numbers) + b"tq"  # LONG1 of eight bytes
    if one not in pickled:
        raise ValueError("torch pickles a tensor in another way than this knows")
    return pickled.replace(one, claim, 1)


def _sparse_zeros(path: Path) -> None:
    """10 GB of zeros that take no room on the disk."""
    with path.open("wb") as stream:
        stream.truncate(10 * GIB)


CHECKPOINTS: dict[str, Callable[[Path], None]] = {
    "200000 numbers": _numbers,
    "pickle": _pickle,
    "deflated zeros": _deflated_zeros,
    "sparse zeros": _sparse_zeros,
}
