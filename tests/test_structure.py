"""The shape that the rest relies on: which way imports point, how large files are, and what the parent never loads."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.conftest import ROOT

# What each top-level package may import of the others; `models` stands alone.
ALLOWED = {
    "models": {"models"},
    "data": {"data"},
    "eval": {"eval", "data"},
    "leaderboard": {"leaderboard", "eval", "data"},
    "model_zoo": {"model_zoo", "eval", "data"},
    "train": {"train", "models", "data", "eval"},
}
# Inside `eval`: what each package or single module may import of the others. `data` stands for the whole package,
# `data.errors` for that module alone.
LEAVES = {"data.errors", "data.text", "data.types", "eval.failures"}
INSIDE_EVAL = {
    "failures": set[str](),
    "files": LEAVES,
    "tomlfile": LEAVES | {"eval.files"},
    "challenge": LEAVES | {"eval.files", "eval.tomlfile"},
    "protocol": LEAVES,
    "filters": {"eval.host"},  # the launcher's keeper, outside the restrictions, removes the private folder
    "host": LEAVES,
    "runtime": LEAVES,
    "metrics": LEAVES | {"data"},
    "explanations": LEAVES | {"data", "eval.metrics"},
    "sandbox": LEAVES | {"eval.host", "eval.filters"},
    "records": LEAVES | {"eval.files", "eval.tomlfile", "eval.metrics"},
    "worker": LEAVES | {"eval.protocol", "eval.filters", "models"},
    "integrity": LEAVES
    | {"eval.protocol", "eval.records.schema", "eval.records.flags", "eval.runtime", "eval.challenge"},
    "submissions": LEAVES | {"eval.records.schema", "eval.protocol.job", "eval.files", "eval.tomlfile"},
    "claims": LEAVES
    | {
        "eval.records", "eval.submissions.manifest", "eval.challenge", "eval.runtime", "eval.metrics", "eval.tomlfile",
    },
    "reproduction": LEAVES | {"eval.records", "eval.tomlfile"},
    "harness": LEAVES
    | {"data"}
    | {
        f"eval.{name}"
        for name in (
            "protocol", "host", "runtime", "metrics", "sandbox", "filters", "records", "challenge", "files", "tomlfile",
            "integrity", "submissions", "reproduction",
        )
    },
    "validation": LEAVES
    | {"data"}
    | {
        f"eval.{name}"
        for name in (
            "harness", "claims", "challenge", "metrics", "records", "sandbox", "host", "protocol", "submissions",
            "files", "tomlfile",
        )
    },
    "scaffold": LEAVES | {"eval.harness", "eval.protocol.job", "eval.sandbox", "eval.submissions", "eval.validation"},
}  # fmt: skip
COMMAND_LINES = {"cli", "explain", "factsheet", "new", "validate", "verify"}  # they import all but the worker
# What packages outside `eval` import of it, as CONTRIBUTING.md says.
SEEN_OF_EVAL = {
    "leaderboard": {"records", "challenge", "runtime", "metrics", "claims"},
    "model_zoo": {"submissions"},
    "train": {"metrics", "submissions", "tomlfile"},
}
MOST_LINES, MOST_FUNCTION_LINES, MOST_MODULES = 300, 50, 16


def imports(path: Path) -> set[str]:
    """Dotted names imported anywhere in a file, type-checking blocks included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def product() -> list[Path]:
    return [*(path for package in ALLOWED for path in sources(package)), ROOT / "test_demo.py"]


def home(path: Path) -> str:
    """The package or module directly inside `eval` that a file belongs to; empty for `eval/__init__.py`."""
    first = path.relative_to(ROOT / "eval").parts[0]
    return first.removesuffix(".py") if first != "__init__.py" else ""


def forbidden(owner: str, names: set[str]) -> set[str]:
    """Those of the imported names that a file of `owner` (inside `eval`) may not import."""
    own = {name for name in names if name.split(".")[0] in ALLOWED}
    if owner in COMMAND_LINES:
        return {name for name in own if f"{name}.".startswith("eval.worker.")}
    allowed = INSIDE_EVAL[owner] | {f"eval.{owner}"}
    return {name for name in own if not any(f"{name}.".startswith(f"{prefix}.") for prefix in allowed)}


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_one_way(package: str) -> None:
    for path in sources(package):
        allowed = ALLOWED[package] | ({"models"} if "adapters" in path.parts else set())
        wrong = {name for name in imports(path) if name.split(".")[0] in set(ALLOWED) - allowed}
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


@pytest.mark.parametrize("path", sources("eval"), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_inside_eval_follow_the_table(path: Path) -> None:
    if owner := home(path):
        wrong = forbidden(owner, imports(path))
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_a_forbidden_import_is_found() -> None:
    assert forbidden("integrity", {"eval.records.store.append"}) == {"eval.records.store.append"}
    assert forbidden("worker", {"eval.harness.evaluate", "eval.protocol.channel"}) == {
        "eval.harness.evaluate"
    }
    assert forbidden("cli", {"eval.worker.timers", "eval.harness.plan"}) == {"eval.worker.timers"}
    assert forbidden("protocol", {"data.errors.InputError", "data.images"}) == {"data.images"}


@pytest.mark.parametrize("package", SEEN_OF_EVAL)
def test_of_eval_no_more_is_seen_than_contributing_says(package: str) -> None:
    found = {name for path in sources(package) for name in imports(path) if name.startswith("eval.")}
    assert {name.split(".")[1] for name in found} == SEEN_OF_EVAL[package]
    page = " ".join((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split())
    arrow = page.split(f"`{package}` -> ")[1].split(";")[0]
    assert {name for name in re.findall(r"`eval\.(\w+)`", arrow)} == SEEN_OF_EVAL[package]


def test_no_file_is_too_long() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in product()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert not long


def test_no_function_is_too_long() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in product()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= MOST_FUNCTION_LINES
    }
    assert not long


def test_no_package_has_too_many_modules() -> None:
    modules: dict[Path, int] = defaultdict(int)
    for path in product():
        if path.name not in ("__init__.py", "__main__.py"):
            modules[path.parent.relative_to(ROOT)] += 1
    assert not {str(folder): count for folder, count in modules.items() if count > MOST_MODULES}


def public_names(path: Path) -> set[str]:
    """Names that a module defines at its top level and that do not begin with an underscore."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    return {name for name in found if not name.startswith("_")}


# Every command line has these; each loader, each site page and each counter has its own.
SHARED_NAMES = {"main", "parser", "load", "context", "COUNTER"}


def test_no_public_name_is_defined_twice() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path in product():
        for name in public_names(path) - SHARED_NAMES:
            homes[name].append(str(path.relative_to(ROOT)))
    assert not {name: found for name, found in homes.items() if len(found) > 1}


@pytest.mark.parametrize("module", ["eval.cli", "leaderboard.summary", "data.prepare", "model_zoo.fetch"])
def test_the_parent_never_loads_torch(module: str) -> None:
    code = f"import sys, {module}; print([m for m in ('torch', 'spandrel', 'fvcore', 'thop') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_only_the_worker_imports_torch() -> None:
    wrong = {
        str(path.relative_to(ROOT))
        for path in [*sources("eval"), *sources("leaderboard"), *sources("data"), *sources("model_zoo")]
        if may_not_import_torch(path) and any(name.split(".")[0] == "torch" for name in imports(path))
    }
    assert not wrong


def may_not_import_torch(path: Path) -> bool:
    """All but the worker, and the perceptual metrics, which import it in a process of their own."""
    own_process = [ROOT / "eval" / "metrics" / name for name in ("perceptual.py", "lpips_variants.py")]
    return path not in own_process and not path.is_relative_to(ROOT / "eval" / "worker")


def test_no_file_is_named_after_a_machine() -> None:
    for package in ALLOWED:
        for path in sources(package):
            assert "/home/" not in path.read_text(encoding="utf-8"), path
