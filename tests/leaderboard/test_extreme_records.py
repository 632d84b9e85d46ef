"""Whatever numbers a record may hold, every output of the leaderboard can be made of it."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from eval.challenge import load
from eval.records import official, store
from eval.records.schema import MAX_NUMBER, Complexity, Flag, ImageResult, ModeResult, Record, RuntimeSummary
from leaderboard import audit, build, importing, summary
from leaderboard.site import charts, pages
from tests.conftest import ROOT
from tests.leaderboard.makers import mode, record

EXTREME = st.sampled_from([0.0, -0.0, 5e-324, 1e-300, 1e-12, 1e-3, 1.0, 27.0, 1e15, -1e15, -1e-300, -5e-324])
NUMBER = EXTREME | st.floats(-MAX_NUMBER, MAX_NUMBER)
POSITIVE = st.sampled_from([5e-324, 1e-300, 1e-12, 8.0, MAX_NUMBER])
SCORE = NUMBER | st.just(math.inf)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(["; a: b", "<b>"])


@st.composite
def times_of(draw: st.DrawFn, count: int) -> list[float]:
    """Equal, nearly equal or unrelated times."""
    kind, first = draw(st.sampled_from(["equal", "near", "any"])), draw(POSITIVE | NUMBER)
    if kind == "any":
        return draw(st.lists(POSITIVE | NUMBER, min_size=count, max_size=count))
    step = 1e-15 if kind == "near" else 0.0
    return [first * (1 - i * step) for i in range(count)]


@st.composite
def splits(draw: st.DrawFn) -> ModeResult:
    count = draw(st.sampled_from([0, 1, 2, 8]))
    times = draw(times_of(count))
    scores = draw(st.lists(SCORE, min_size=count, max_size=count))
    metrics = draw(st.sampled_from([["psnr"], ["psnr", "ssim"]]))
    runtime = st.builds(
        RuntimeSummary, protocol=st.sampled_from(["robust", "ntire", ""]), mean=NUMBER, median=NUMBER,
        cold=st.none() | NUMBER, ci95=st.none() | st.tuples(NUMBER, NUMBER),
    )  # fmt: skip
    return ModeResult(
        images=[
            ImageResult(name=f"{i:04d}", metrics=dict.fromkeys(metrics, score), runtime_ms=time)
            for i, (score, time) in enumerate(zip(scores, times, strict=True))
        ],
        means=draw(st.dictionaries(st.sampled_from(["psnr", "ssim"]), SCORE)),
        runtime=draw(st.none() | runtime),
        memory_mib=draw(st.none() | NUMBER),
    )


CLAIMS = st.dictionaries(
    st.sampled_from(["runtime_ms", "flops_g", "psnr_valid_db", "device"]), NUMBER | st.just(10**400) | TEXT
)


@st.composite
def records(draw: st.DrawFn) -> Record:
    made = record(
        draw(st.sampled_from(["00_SPAN", "01_A", "02_<b>B", "03_C"])),
        modes=draw(st.dictionaries(st.sampled_from(["valid", "test"]), splits())),
        reference=draw(st.dictionaries(st.just("valid"), splits(), max_size=1)),
        complexity=draw(
            st.none()
            | st.builds(Complexity, params_m=NUMBER, flops_g=NUMBER, num_conv=st.sampled_from([0, 10**18]))
        ),
        protocol=draw(st.sampled_from(["robust", "ntire"])),
        published_runtime_ms=draw(st.none() | NUMBER),
        flags=[Flag(name="unpickled", reason=draw(TEXT))],
        device=draw(st.sampled_from(["GPU A", "cpu"])),
    )
    made.submission.claims = draw(CLAIMS)
    return made


def show(made: list[Record], challenge: str) -> None:
    """Make every output of the records."""
    with tempfile.TemporaryDirectory() as name:
        folder, rules = Path(name), load(challenge)
        for one in made:
            store.append(folder, one)
        read = store.read_all(folder)
        frame = build.write_tables(read, rules, folder / "out")
        pages.write_site(read, rules, frame, folder, folder / "out")
        assert build.order_text(frame)
        audit.report_text(audit.audit(read, rules))
        official.write(folder, read)
        console = Console(file=io.StringIO(), width=100)
        summary.summarise(read, rules, folder, {one.model for one in read}, console)


@pytest.fixture(autouse=True, scope="module")
def without_plotly() -> Iterator[None]:
    """Its script, of 5 MB, is the same in every site."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("plotly.offline.get_plotlyjs", lambda: "")
        yield


def fast(model: str, ms: float, **changes: Any) -> Record:
    """A record with eight images in both splits, all of one time."""
    modes = {split: mode([27.0] * 8, [ms] * 8) for split in ("valid", "test")}
    return record(model, modes=modes, **changes)


@given(st.lists(records(), min_size=1, max_size=4), st.sampled_from(["esr2026", "esr2022", "imagesr2026"]))
@example([fast("00_SPAN", 1e-12), fast("01_A", 8.0)], "esr2026")
@example([fast("01_A", 1e-300)], "esr2024")
@example([record("01_A", flops_g=5e-324, params_m=1e15)], "esr2026")
@example([record("01_A", modes={}, protocol="ntire")], "esr2026")
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.filterwarnings("ignore")
def test_records_of_any_numbers_can_be_ranked_audited_and_drawn(made: list[Record], challenge: str) -> None:
    show(made, challenge)


@pytest.mark.parametrize(
    "values",
    [[0.0, 5e-324], [1e-300] * 3, [1e15, 1e15 - 1], [-1e15, 1e15], [27.0, 27.0 + 4e-15], [math.inf, 27.0]],
)
def test_charts_of_any_numbers_stay_within_their_frame(values: list[float]) -> None:
    array = np.array(values)
    drawn = charts.histogram(array, "dB", "x") + charts.sequence(array, True, "x")
    assert "nan" not in drawn and "inf" not in drawn.replace("infinite", "")
    for found in drawn.split(' cx="')[1:] + drawn.split(' x="')[1:]:
        assert -1 <= float(found.split('"')[0]) <= 521


def test_a_chart_of_usual_times_is_as_before() -> None:
    drawn = charts.sequence(np.array([30.0, 8.0, 9.0, 8.5]), True, "x")
    assert drawn.count("<circle") == 4 and ">10</text>" in drawn and "first call 30.0 ms" in drawn


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "leaderboard", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_one_tiny_time_does_not_take_the_site_from_the_others(tmp_path: Path) -> None:
    """The whole way: a record as `13_tiny` had it, and a page that a reader opens."""
    for one in (fast("00_SPAN", 8.0), fast("13_tiny", 1e-12)):
        store.append(tmp_path / "save", one)
    save, out = str(tmp_path / "save"), tmp_path / "out"
    done = run("build", "--save_dir", save, "--challenge", "esr2026", "--out", str(out))
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert "00_SPAN" in (out / "index.html").read_text() and (out / "team" / "13_tiny.html").is_file()


@pytest.mark.parametrize(
    ("key", "value"), [("valid_runtime", 1e-300), ("num_parameters", 5e-324), ("flops", 1e-12)]
)
def test_an_imported_figure_below_all_physics_is_refused(tmp_path: Path, key: str, value: float) -> None:
    results = {"valid_psnr": [27.0, 27.0], "valid_runtime": [8.0, 8.0], "flops": 9.0, "num_parameters": 0.1}
    results[key] = [value, 8.0] if isinstance(results.get(key), list) else value
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"01_A": results}))
    done = run("import", str(path), "--save_dir", str(tmp_path / "save"))
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert f"model '01_A': '{key}': found {value}, expected 0, or a number from 1e-09" in done.stderr


def test_an_imported_zero_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"01_A": {"valid_psnr": [27.0], "valid_runtime": [0.0], "flops": 0.0}}))
    assert len(importing.import_file(path, tmp_path / "save", "", "")) == 1
