"""Speed of the leaderboard: tables of 1,000 submissions, the site of 100 teams, sorting 1,000 rows in Chromium.

    python bench/leaderboard.py

Prints one line per figure with its target. Records are made up and live in a temporary folder.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the targets are for one core
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from eval import challenge  # noqa: E402 - the path is set above
from eval.records import schema, store  # noqa: E402 - the path is set above
from leaderboard import build  # noqa: E402
from leaderboard.site import pages  # noqa: E402

RULES = challenge.load("esr2026")


def make_records(folder: Path, submissions: int, images: int) -> None:
    """Write `submissions` records of `images` images, half in each mode."""
    generator = np.random.default_rng(0)
    hard, slow = generator.normal(27, 3, images // 2), generator.uniform(0.7, 1.5, images // 2)
    (folder / store.RECORDS).mkdir(parents=True)
    for number in range(submissions):
        modes = {}
        for mode in ("valid", "test"):
            noise = generator.normal(0, 0.1, images // 2)
            # Above every threshold, so that all submissions are ranked.
            psnr = hard - hard.mean() + noise - noise.mean() + generator.uniform(27, 27.2)
            times = slow * generator.uniform(5, 80) * generator.normal(1, 0.05, images // 2)
            modes[mode] = _mode(psnr, times)
        model = "00_SPAN" if number == 0 else f"{number:03d}_Model{number}"
        record = schema.Record(
            challenge=RULES.name,
            dataset="DIV2K_LSDIR",
            scored_by_challenge_data=True,
            submission=schema.SubmissionInfo(
                model=model, team=f"Team {number}", claims={"psnr_valid_db": 27.0}
            ),
            status="ok",
            modes=modes,
            complexity=schema.Complexity(
                params_m=generator.uniform(0.05, 1), flops_g=generator.uniform(5, 60)
            ),
            protocol="robust",
            device="GPU",
            session="one",
            sequence=number + 1,
        )
        name = f"{number + 1:06d}_{model}.json"
        (folder / store.RECORDS / name).write_text(schema.record_json(record))


def _mode(psnr: np.ndarray, times: np.ndarray) -> schema.ModeResult:
    images = [
        schema.ImageResult(name=f"{i:04d}", metrics={"psnr": float(p)}, runtime_ms=float(t))
        for i, (p, t) in enumerate(zip(psnr, times, strict=True))
    ]
    runtime = schema.RuntimeSummary(
        protocol="robust", mean=float(times.mean()), median=float(np.median(times)), cold=float(times[0])
    )
    return schema.ModeResult(images=images, runtime=runtime)


def report(what: str, seconds: float, target: float) -> None:
    verdict = "met" if seconds < target else "MISSED"
    print(f"{what:60s} {seconds * 1e3:9.0f} ms   target {target * 1e3:6.0f} ms   {verdict}", flush=True)


def tables(folder: Path) -> None:
    """1,000 submissions x 400 images: from records on disk to CSV, Markdown, LaTeX and JSON."""
    make_records(folder, 1000, 400)
    wall, cpu = time.perf_counter(), time.process_time()
    records = build.load_records(folder, RULES)
    read = time.process_time() - cpu
    build.write_tables(records, RULES, folder / "out")
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    report("tables of 1,000 submissions x 400 images, one core's time", cpu, 5)
    print(f"  of which reading the records {read * 1e3:.0f} ms; wall clock {wall * 1e3:.0f} ms")


def site(folder: Path, submissions: int) -> float:
    """Processor seconds for the pages of `submissions` teams x 400 images, tables included, without pictures."""
    if not (folder / store.RECORDS).exists():
        make_records(folder, submissions, 400)
    start = time.process_time()
    records = build.load_records(folder, RULES)
    frame = build.write_tables(records, RULES, folder / "out")
    pages.write(records, RULES, frame, folder, folder / "out")
    return time.process_time() - start


CLICK = """(column) => {
  const button = document.querySelectorAll('#board th button')[column];
  const start = performance.now();
  button.click();
  document.getElementById('board').getBoundingClientRect();
  return performance.now() - start;
}"""


def sorting(folder: Path) -> None:
    """From the click to the finished layout of all rows: the first click after loading, later ones, and those
    after the plots were drawn. Processor time of the page's thread, and by the clock, which a busy machine stretches.
    """
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        print("sorting 1,000 rows: not measured, there is no Playwright or no Chromium here")
        return
    found: dict[str, list[tuple[float, float]]] = {"first click": [], "later clicks": [], "plots drawn": []}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(5):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            tools = page.context.new_cdp_session(page)
            tools.send("Performance.enable", {"timeDomain": "threadTicks"})
            page.goto((folder / "out" / "index.html").as_uri())
            found["first click"].append(_click(page, tools, 2))
            found["later clicks"] += [_click(page, tools, column) for column in (3, 5, 1, 2)]
            page.locator(".plot").first.scroll_into_view_if_needed()
            page.wait_for_selector(".plot .point")
            page.evaluate("scrollTo(0, 0)")
            page.wait_for_timeout(500)
            found["plots drawn"] += [_click(page, tools, column) for column in (3, 5, 1, 2)]
            rows = page.locator("#board tbody tr").count()
            page.close()
        browser.close()
    for when, pairs in found.items():
        cpu, wall = zip(*pairs, strict=True)
        report(f"sorting {rows:,} rows in Chromium, {when}", statistics.median(cpu), 0.1)
        print(f"  by the clock: median {statistics.median(wall):.0f} ms, best {min(wall):.0f} ms")


def _click(page: Any, tools: Any, column: int) -> tuple[float, float]:
    """Processor seconds of the page's thread and milliseconds by its clock for one click on a column's title."""
    before = _thread_s(tools)
    wall_ms = page.evaluate(CLICK, column)
    return _thread_s(tools) - before, wall_ms


def _thread_s(tools: Any) -> float:
    metrics = {one["name"]: one["value"] for one in tools.send("Performance.getMetrics")["metrics"]}
    return float(metrics["ThreadTime"])


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        large, small = Path(temporary) / "large", Path(temporary) / "small"
        tables(large)
        report("site of 100 teams x 400 images, without pictures", site(small, 100), 20)
        files = [path for path in (small / "out").rglob("*") if path.is_file()]
        print(f"  {len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB")
        shutil.rmtree(small)
        small = Path(temporary) / "wide"
        make_records(small, 1000, 20)
        site(small, 1000)
        sorting(small)


if __name__ == "__main__":
    main()
