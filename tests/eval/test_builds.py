"""The build step of a manifest: confined, bounded, and its result importable by the submission's script."""

from __future__ import annotations

import json
import shutil
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from eval import builds, cli, submission
from eval.confine.probe import why_not
from eval.failures import SubmissionFailed
from eval.results import SubmissionInfo
from eval.sandbox import CPU_LIMITS, Level
from eval.submission import Submission
from eval.workers import Deadlines, Setup
from leaderboard.summary import summarise

SETUP = Setup("cpu", 4, 64 * 64, Level.PROCESS, CPU_LIMITS)


@pytest.fixture(params=list(Level), ids=str)
def setup(request: pytest.FixtureRequest) -> Setup:
    if reason := why_not(request.param):
        pytest.skip(f"{request.param} does not work here: {reason}")
    return replace(SETUP, level=request.param)


def toy(folder: Path, code: str, *command: str) -> Submission:
    folder.mkdir()
    (folder / "make.py").write_text(textwrap.dedent(code))
    source = {"build": list(command or ("python", "make.py")), "allow_pickle": False}
    return Submission(SubmissionInfo(model="toy"), "native", source, (), build=folder)


def test_what_the_step_makes_is_shown_and_gone_afterwards(tmp_path: Path, setup: Setup) -> None:
    code = """
    import pathlib, subprocess, sys
    pathlib.Path("deep").mkdir(mode=0o700)
    subprocess.run([sys.executable, "-S", "-c", "open('deep/made.py', 'w').write('VALUE = 42')"], check=True)
    """
    one = toy(tmp_path / "ops", code)
    with builds.built(one, setup) as ready:
        made = Path(ready.source["modules"])
        assert ready.visible == (made,) and made.name == "ops"
        assert (made / "deep" / "made.py").read_text() == "VALUE = 42"
        assert (made / "deep").stat().st_mode & 0o777 == 0o755
    assert not made.exists()
    assert not (tmp_path / "ops" / "deep").exists(), "the sources are left alone"


def test_a_submission_without_a_step_is_left_as_it_is() -> None:
    one = Submission(SubmissionInfo(model="toy"), "native", {}, ())
    with builds.built(one, SETUP) as ready:
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
        builds.built(toy(tmp_path / "ops", code), setup),
    ):
        pass


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SubmissionFailed, match="there is no program 'nvcc-of-mine' on this machine"):
        builds.built(toy(tmp_path / "ops", "", "nvcc-of-mine", "x.cu"), SETUP).__enter__()


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
    with builds.built(toy(tmp_path / "ops", code), replace(SETUP, level=level)):
        pass


def test_links_among_the_sources_are_not_copied(tmp_path: Path) -> None:
    one = toy(tmp_path / "ops", "import os; assert os.listdir() == ['make.py'], os.listdir()")
    (tmp_path / "ops" / "link").symlink_to("/etc/passwd")
    with builds.built(one, SETUP):
        pass


NETWORK = """
import torch
from torch import nn
from my_operator import factor

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return nn.functional.interpolate(x, scale_factor=4) * self.gain * factor()
"""
LOADER = """
import ctypes, pathlib
library = ctypes.CDLL(str(pathlib.Path(__file__).parent / "operator.so"))

def factor():
    return library.factor()
"""
MANIFEST = """
id = 42
team = "Builders"
name = "Net"
class = "Net"
data_range = 255.0
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
        return submission.native(tmp_path / "team42_Net.toml", str(tmp_path / "net.pth"))

    assert found().problem == "build: no folder team42_operator/ beside the manifest"
    (tmp_path / "team42_operator").mkdir()
    (tmp_path / "team42_operator" / "operator.c").write_text("int x;")
    before = found().fingerprint()
    (tmp_path / "team42_operator" / "operator.c").write_text("int y;")
    assert found().fingerprint() != before
