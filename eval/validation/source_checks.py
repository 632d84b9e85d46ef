"""Checks of the source code of a submission. Nothing is run: the sandbox has the last word on what code does."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from eval.validation.item import Look, NotCheckedError, Seen, doubt, fine, wrong
from eval.validation.source_code import (
    Imported,
    SourceFile,
    SourceLine,
    is_installed,
    is_shared,
    is_standard,
    judges_packages,
)

MAX_NAMED = 3


@dataclass(frozen=True)
class Sources:
    """The Python files of one submission. class_: the network's class, which the first file defines."""

    paths: tuple[Path, ...]
    class_: str
    beside: tuple[Path, ...] = ()

    @cached_property
    def files(self) -> list[SourceFile]:
        """Raises InputError for what is no Python."""
        return [SourceFile.read(path) for path in self.paths]

    @cached_property
    def parsed(self) -> list[SourceFile]:
        """As `files`, for checks that leave the complaint to the first one."""
        try:
            return self.files
        except Exception as error:
            raise NotCheckedError("the source cannot be parsed") from error


@dataclass(frozen=True)
class Habit:
    """Something that code may do and the judge does not allow, or that leads astray.

    calls: a pattern of the dotted names of calls. modules: whose import shows it. texts: a pattern of texts.
    unless: what else must not hold of a call.
    """

    calls: str = ""
    modules: frozenset[str] = frozenset()
    texts: str = ""
    unless: Callable[[ast.Call], bool] | None = None

    def found(self, one: SourceFile) -> Iterator[SourceLine]:
        """Where a file does it."""
        for imported in one.imported():
            if imported.name.partition(".")[0] in self.modules or imported.name in self.modules:
                yield imported.place
        for name, call, place in one.calls() if self.calls else ():
            if re.search(self.calls, name) and not (self.unless and self.unless(call)):
                yield place
        for text, place in one.texts() if self.texts else ():
            if re.search(self.texts, text):
                yield place


def _states_training(call: ast.Call) -> bool:
    return len(call.args) > 2 or any(word.arg == "training" for word in call.keywords)


def _only_reads(call: ast.Call) -> bool:
    mode = next((word.value for word in call.keywords if word.arg == "mode"), None)
    mode = mode or (call.args[1] if len(call.args) > 1 else None)
    return not (isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax+"))


def _sets_eval(call: ast.Call) -> bool:
    return any(isinstance(one, ast.Constant) and one.value is False for one in call.args)


DOWNLOADS = Habit(
    r"torch\.hub\.|load_state_dict_from_url|load_url$|snapshot_download|hf_hub_download|\.from_pretrained$",
    frozenset({"requests", "urllib", "http", "socket", "ftplib", "gdown", "huggingface_hub", "wget", "aiohttp"}),
)  # fmt: skip
PROCESSES = Habit(
    r"os\.(system|popen|fork|exec\w*|spawn\w*)$|ProcessPoolExecutor|torch\.compile$|cpp_extension\.load",
    frozenset({"subprocess", "multiprocessing", "torch.multiprocessing", "ray"}),
)
WRITES = (
    Habit(r"^(io\.)?open$", unless=_only_reads),
    Habit(
        r"torch\.save$|(np|numpy)\.savez?$|cv2\.imwrite$|\.write_(text|bytes)$|os\.(makedirs|mkdir|remove)$|shutil\."
    ),
)
CUDA = Habit(r"\.cuda$", texts=r"^cuda(:\d+)?$")
TRAINING = (
    Habit(r"(^|\.)(dropout[123]?d?|alpha_dropout|feature_alpha_dropout)$", unless=_states_training),
    Habit(r"^(self|model|net|\w*net\w*)\.train$", unless=_sets_eval),
)
GRADIENT = Habit(r"torch\.enable_grad$|\.backward$|autograd\.grad$")
OWN_LOADING = Habit(r"torch\.load$|\.load_state_dict$|load_file$")


def _syntax(one: Sources) -> Seen:
    lines = sum(len(ast.unparse(file.tree).splitlines()) for file in one.files)
    return fine(f"{len(one.paths)} files, about {lines} lines without comments")


def _class(one: Sources) -> Seen:
    first = one.parsed[0]
    if first.defines(one.class_):
        return fine(f"{first.path.name} defines {one.class_}")
    known = first.classes()
    near = difflib.get_close_matches(one.class_, known, n=1)
    held = ", ".join(known) or "no class with a method forward"
    meant = near[0] if near else known[-1] if known else ""
    return wrong(
        f"script {first.path.name}: defines no '{one.class_}' (manifest field 'class'); it defines: {held}",
        f"set class = \"{meant}\" in the manifest" if meant else "write a torch.nn.Module with a method forward",
    )  # fmt: skip


def _packages(one: Sources) -> Seen:
    judges = judges_packages()
    lacking: list[Imported] = []
    unsure: list[Imported] = []
    beside = {path.stem for path in one.beside} | {path.parent.name for path in one.beside}
    for imported in (found for file in one.parsed for found in file.imported()):
        if _is_at_hand(imported, judges, beside):
            continue
        installed = is_installed(imported.name.partition(".")[0])
        (unsure if installed or imported.may_lack else lacking).append(imported)
    if lacking:
        return wrong(f"not installed: {_named([found.place for found in lacking])}", _helper(lacking[0], one))
    if unsure:
        return doubt(
            f"not in requirements.txt: {_named([found.place for found in unsure])}",
            "use packages of requirements.txt only: the judge may lack others",
        )
    return fine("all imports are of requirements.txt, the standard library, or the submission's own")


def _is_at_hand(imported: Imported, judges: frozenset[str], beside: set[str]) -> bool:
    top = imported.name.partition(".")[0]
    if top == "models":
        return is_shared(imported.name) or imported.name.split(".")[1] in beside
    return is_standard(top) or top in judges or top in beside


def _helper(imported: Imported, one: Sources) -> str:
    """What helps if an import finds nothing: perhaps it is a file beside the script."""
    name = imported.name.removeprefix("models.").replace(".", "/")
    folder = one.paths[0].parent
    for path in (f"{name}.py", f"{name}/__init__.py", f"{name.partition('/')[0]}.py"):
        if (folder / path).is_file():
            return f'add files = ["{path}"] to the manifest, or put the code into the script'
    return f"use a package of requirements.txt instead of {imported.name.partition('.')[0]}"


def _habit(habits: tuple[Habit, ...], what: str, cure: str, one: Sources) -> Seen:
    places = [place for file in one.parsed for habit in habits for place in habit.found(file)]
    if places:
        return doubt(_named(places), cure)
    return fine(f"the source shows no {what}")


def _named(places: list[SourceLine]) -> str:
    shown = "; ".join(dict.fromkeys(map(str, places[:MAX_NAMED])))
    return shown if len(places) <= MAX_NAMED else f"{shown}; and {len(places) - MAX_NAMED} more"


def _look(name: str, habits: tuple[Habit, ...], what: str, cure: str) -> Look[Sources]:
    return Look(name, partial(_habit, habits, what, cure))


SOURCE_CHECKS: tuple[Look[Sources], ...] = (
    Look("syntax", _syntax),
    Look("class", _class),
    Look("packages", _packages),
    _look("network", (DOWNLOADS,), "use of a network",
          "put what is downloaded into the checkpoint or 'files': the judge has no network"),
    _look("processes", (PROCESSES,), "start of processes",
          "do the work in forward: the judge allows no processes, programs or torch.compile"),
    _look("writes", WRITES, "written files", "write nothing: the judge refuses files outside a private /tmp"),
    _look("fixed device", (CUDA,), "fixed device",
          "use the input's device (x.device) and register_buffer: the judge chooses the device"),
    _look("training mode", TRAINING, "dropout or training mode that stays on",
          "pass training=self.training to dropout, and do not call train(): the judge calls eval() once"),
    _look("own gradient", (GRADIENT,), "gradients", "compute none: the judge runs under torch.no_grad()"),
    _look("own loading", (OWN_LOADING,), "checkpoints that the script loads itself",
          "leave that to the judge: it loads the checkpoint that the manifest names"),
)  # fmt: skip
