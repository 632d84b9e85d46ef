"""The build step of a manifest: confined, bounded, and its result importable by the submission's script."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from data.errors import InputError
from eval import cli, sandbox
from eval.failures import SubmissionFailed
from eval.harness import build_step
from eval.harness.deadlines import Deadlines
from eval.harness.worker_setup import Setup
from eval.host import disk
from eval.protocol.job import NativeSource, Source
from eval.records.schema import SubmissionInfo
from eval.sandbox import CPU_LIMITS, Level
from eval.sandbox.probe import why_not
from eval.submissions.native import native
from eval.submissions.submission import Submission
from leaderboard.summary import summarise
from tests.eval import toy as networks

SETUP = Setup("cpu", 4, 64 * 64, Level.PROCESS, CPU_LIMITS)


@pytest.fixture(params=list(Level), ids=str)
def setup(request: pytest.FixtureRequest) -> Setup:
    if reason := why_not(request.param):
        pytest.skip(f"{request.param} does not work here: {reason}")
    return replace(SETUP, level=request.param)


def toy(folder: Path, code: str, *command: str) -> Submission:
    folder.mkdir()
    (folder / "make.py").write_text(textwrap.dedent(code))
    source = NativeSource(script="", class_="", data_range=1.0, build=command or ("python", "make.py"))
    return Submission(SubmissionInfo(model="toy"), source, (), build=folder)


def modules_of(ready: Submission) -> str:
    assert isinstance(ready.source, NativeSource)
    return ready.source.modules


def test_what_the_step_makes_is_shown_and_gone_afterwards(tmp_path: Path, setup: Setup) -> None:
    code = """
    import pathlib, subprocess, sys
    pathlib.Path("deep").mkdir(mode=0o700)
    subprocess.run([sys.executable, "-S", "-c", "open('deep/made.py', 'w').write('VALUE = 42')"], check=True)
    """
    one = toy(tmp_path / "ops", code)
    with build_step.built(one, setup) as ready:
        made = Path(modules_of(ready))
        assert ready.visible == (made,) and made.name == "ops"
        assert (made / "deep" / "made.py").read_text() == "VALUE = 42"
        assert (made / "deep").stat().st_mode & 0o777 == 0o755
    assert not made.exists()
    assert not (tmp_path / "ops" / "deep").exists(), "the sources are left alone"


def test_a_submission_without_a_step_is_left_as_it_is() -> None:
    one = Submission(SubmissionInfo(model="toy"), Source(), ())
    with build_step.built(one, SETUP) as ready:
        assert ready is one


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "import sys; print('no compiler'); sys.exit(3)",
            r"'python make.py' ended with status 3: no compiler",
        ),
        ("import time; time.sleep(600)", r"time limit of 5 s exceeded"),
        ("import sys\nwhile True: sys.stdout.write('x' * 65536)", r"output"),
    ],
)
def test_a_step_that_fails_fails_the_submission_with_its_reason(
    tmp_path: Path, code: str, message: str
) -> None:
    setup = replace(SETUP, deadlines=replace(Deadlines(), load_s=5.0))
    with (
        pytest.raises(SubmissionFailed, match=f"build: .*{message}"),
        build_step.built(toy(tmp_path / "ops", code), setup),
    ):
        pass


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SubmissionFailed, match="there is no program 'nvcc-of-mine' on this machine"):
        build_step.built(toy(tmp_path / "ops", "", "nvcc-of-mine", "x.cu"), SETUP).__enter__()


def test_a_program_beside_the_harness_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "evil.sh").write_text("#!/bin/sh\n")
    (tmp_path / "models" / "evil.sh").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    message = "build: program 'models/evil.sh': expected a name without a folder"
    with pytest.raises(SubmissionFailed, match=message):
        build_step.built(toy(tmp_path / "ops", "", "models/evil.sh"), SETUP).__enter__()


@pytest.mark.parametrize(
    ("argument", "message"),
    [("a\0b", "NUL character"), ("x" * (1 << 18), "a command of 262155 bytes, expected at most 65536")],
)
def test_a_command_that_no_program_can_be_given_is_named(tmp_path: Path, argument: str, message: str) -> None:
    with pytest.raises(SubmissionFailed, match=f"build: .*{message}"):
        build_step.built(toy(tmp_path / "ops", "", "python", "-c", argument), SETUP).__enter__()


def test_a_view_that_the_sandbox_refuses_fails_the_submission_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*_: object, **__: object) -> None:
        raise InputError("sandbox view: too many paths")

    monkeypatch.setattr(sandbox, "spawn", refusing)
    with pytest.raises(SubmissionFailed, match="build: sandbox view: too many paths"):
        build_step.built(toy(tmp_path / "ops", ""), SETUP).__enter__()


def test_folders_in_each_other_fail_the_submission_alone(tmp_path: Path) -> None:
    one = toy(tmp_path / "ops", "")
    deepest = os.open(tmp_path / "ops", os.O_RDONLY)
    try:
        for _ in range(1200):
            os.mkdir("d", dir_fd=deepest)
            above, deepest = deepest, os.open("d", os.O_RDONLY, dir_fd=deepest)
            os.close(above)
        with pytest.raises(SubmissionFailed, match=r"build: .* more than 64 deep"):
            build_step.built(one, SETUP).__enter__()
    finally:
        os.close(deepest)
        disk.remove(tmp_path / "ops")  # pytest's own removal recurses


def test_modes_and_times_can_be_set_but_not_outside(tmp_path: Path, setup: Setup) -> None:
    outside = tmp_path / "HR.png"
    outside.write_text("secret")
    before = outside.stat()
    code = f"""
    import os, shutil
    open("made", "w").close()
    shutil.copy2("make.py", "copy.py")
    os.chmod("made", 0o600)
    os.utime("made", (1, 1))
    for attempt in (lambda: os.chmod({str(outside)!r}, 0o666), lambda: os.utime({str(outside)!r}, (1, 1))):
        try:
            attempt()
        except OSError:
            pass
    """
    with build_step.built(toy(tmp_path / "ops", code), setup):
        pass
    after = outside.stat()
    if setup.level is not Level.PROCESS or os.geteuid() == 0:
        assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


COMPILER = shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0], path="/bin:/usr/bin")
EXTENSION = """
#include <Python.h>
static PyObject *factor(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"factor", factor, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "my_operator", "", -1, methods};
PyMODINIT_FUNC PyInit_my_operator(void) { return PyModule_Create(&module); }
"""
SETUP_PY = """
from setuptools import Extension, setup
setup(name="my_operator", version="1", ext_modules=[Extension("my_operator", ["operator.c"])])
"""


@pytest.mark.skipif(importlib.util.find_spec("setuptools") is None, reason="no setuptools here")
@pytest.mark.skipif(COMPILER is None, reason="no C compiler of this interpreter's kind here")
@pytest.mark.skipif(
    not (Path(sysconfig.get_path("include")) / "Python.h").is_file(), reason="no headers of Python here"
)
def test_the_command_of_the_documentation(tmp_path: Path, setup: Setup) -> None:
    one = toy(tmp_path / "ops", "", "python", "setup.py", "build_ext", "--inplace")
    (tmp_path / "ops" / "setup.py").write_text(SETUP_PY)
    (tmp_path / "ops" / "operator.c").write_text(EXTENSION)
    with build_step.built(one, setup) as ready:
        code = "import my_operator; print(my_operator.factor())"
        environment = {"PYTHONPATH": modules_of(ready)}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (done.stdout, done.stderr) == ("42\n", "")


@pytest.mark.parametrize("level", [Level.BWRAP, Level.LANDLOCK], ids=str)
def test_the_step_is_confined(tmp_path: Path, level: Level) -> None:
    if reason := why_not(level):
        pytest.skip(f"{level} does not work here: {reason}")
    secret = tmp_path / "HR.png"
    secret.write_text("secret")
    code = f"""
    import socket
    for attempt in (lambda: open({str(secret)!r}), lambda: socket.create_connection(("127.0.0.1", 9), 1)):
        try:
            attempt()
        except ConnectionRefusedError:
            raise SystemExit("BREACH: the network can be reached")
        except OSError:
            continue
        raise SystemExit("BREACH")
    """
    with build_step.built(toy(tmp_path / "ops", code), replace(SETUP, level=level)):
        pass


def test_links_among_the_sources_are_not_copied(tmp_path: Path) -> None:
    one = toy(tmp_path / "ops", "import os; assert os.listdir() == ['make.py'], os.listdir()")
    (tmp_path / "ops" / "link").symlink_to("/etc/passwd")
    with build_step.built(one, SETUP):
        pass


NETWORK = "from my_operator import factor\n" + networks.NETWORK.replace(
    "* self.gain", "* self.gain * factor()"
)
LOADER = """
import ctypes, pathlib
library = ctypes.CDLL(str(pathlib.Path(__file__).parent / "operator.so"))

def factor():
    return library.factor()
"""
MANIFEST = f"""
{networks.MANIFEST}
[build]
folder = "team42_operator"
command = ["cc", "-shared", "-fPIC", "-o", "operator.so", "operator.c"]
"""


@pytest.mark.skipif(shutil.which("cc", path="/bin:/usr/bin") is None, reason="no C compiler here")
def test_a_compiled_operator_end_to_end(tmp_path: Path, tiny_pairs: tuple[Path, Path]) -> None:
    models = tmp_path / "models"
    sources = models / "team42_operator"
    sources.mkdir(parents=True)
    (models / "team42_Net.py").write_text(NETWORK)
    (models / "team42_Net.toml").write_text(MANIFEST)
    (sources / "my_operator.py").write_text(LOADER)
    (sources / "operator.c").write_text("int factor(void) { return 1; }\n")
    torch.save({"gain": torch.ones(1)}, tmp_path / "net.pth")
    chosen = ["--models", models, "--model_id", "42", "--checkpoint", tmp_path / "net.pth"]
    arguments = [*chosen, "--pairs", *tiny_pairs, "--save_dir", tmp_path / "out"]
    status = cli.main(summarise, [*map(str, arguments), "--device", "cpu", "--protocol", "ntire"])
    entry = json.loads((tmp_path / "out" / "results.json").read_text())["42_Net"]
    assert (status, entry["error"]) == (0, None)
    assert entry["valid_ave_psnr"] > 20


def test_a_folder_that_is_missing_is_named_and_a_change_in_it_is_seen(tmp_path: Path) -> None:
    (tmp_path / "team42_Net.py").write_text(NETWORK)
    (tmp_path / "team42_Net.toml").write_text(MANIFEST)
    (tmp_path / "net.pth").write_bytes(b"")

    def found() -> Submission:
        return native(tmp_path / "team42_Net.toml", str(tmp_path / "net.pth"))

    assert found().problem == "build: no folder team42_operator/ beside the manifest"
    (tmp_path / "team42_operator").mkdir()
    (tmp_path / "team42_operator" / "operator.c").write_text("int x;")
    before = found().fingerprint()
    (tmp_path / "team42_operator" / "operator.c").write_text("int y;")
    assert found().fingerprint() != before
