"""Every output shows the metric that ranks, with its protocol: from records on disk to what a user reads."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eval.challenge import load
from eval.records import official, store
from eval.records.schema import ImageResult, ModeResult, Record
from leaderboard.importing import read_official
from leaderboard.ranking import shown_metrics
from tests.conftest import ROOT
from tests.eval import toy
from tests.leaderboard.makers import failed, record

PROTOCOL = "PSNR, Y of BT.601 not rounded, border 4"
HOME = "/home/somebody/secret"
# PSNR-Y and RGB PSNR order these the other way round.
MEANS = {"01_First": (32.5, 25.25, 0.91), "02_[Second]": (31.5, 26.25, 0.92), "03_Third": (30.5, 27.25, 0.93)}


def image_sr(model: str) -> Record:
    psnr_y, psnr, ssim_y = MEANS[model]
    metrics = {"psnr_y_float": psnr_y, "ssim_y_float": ssim_y, "psnr": psnr, "ssim": ssim_y - 0.3}
    images = [ImageResult(name=f"{number:04d}", metrics=metrics) for number in range(901, 1001)]
    one = record(
        model,
        challenge="imagesr2024",
        dataset=f"pairs {HOME}/HR {HOME}/LR",
        flops_g=None,
        modes={"test": ModeResult(images=images)},
    )
    assert one.submission.checkpoint is not None
    one.submission.checkpoint.file = f"{HOME}/{model}.pth"
    return one


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What `leaderboard build` prints, and its folder."""
    folder = tmp_path_factory.mktemp("built")
    for model in MEANS:
        store.append(folder / "save", image_sr(model))
    reason = f"{HOME}/team.py: out of memory " + "and more " * 70
    store.append(folder / "save", failed("04_Fails", reason, challenge="imagesr2024"))
    arguments = [
        "--save_dir",
        str(folder / "save"),
        "--challenge",
        "imagesr2024",
        "--out",
        str(folder / "out"),
    ]
    done = run("-m", "leaderboard", "build", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout, folder / "out"


def test_the_console_of_a_build_shows_the_metric_that_ranks(built: tuple[str, Path]) -> None:
    assert f"Ranked by Test PSNR-Y [dB]: {PROTOCOL}" in built[0]
    assert "   1  01_First  Test PSNR-Y 32.5000 dB" in built[0] and "27.25" not in built[0]


def test_markdown_shows_the_metric_that_ranks(built: tuple[str, Path]) -> None:
    lines = (built[1] / "leaderboard.md").read_text().splitlines()
    assert lines[0] == f"**Ranked by Test PSNR-Y \\[dB\\]: {PROTOCOL}, mean over images.**"
    header, first = (next(line for line in lines if line.startswith(start)) for start in ("| Rank", "| 1 |"))
    figures = dict(zip(header.split(" | "), first.split(" | "), strict=True))
    assert list(figures)[2] == "Test PSNR-Y \\[dB\\]" and figures["Test PSNR-Y \\[dB\\]"] == "**32.50**"
    assert figures["Test SSIM-Y"] == "0.9100" and figures["Test PSNR-RGB \\[dB\\]"] == "25.25"
    assert any(line.startswith("PSNR-RGB: PSNR, RGB uint8, border 4") for line in lines)


def test_latex_shows_the_metric_that_ranks(built: tuple[str, Path]) -> None:
    text = (built[1] / "leaderboard.tex").read_text()
    assert "Rank & Model & Test PSNR-Y & Test SSIM-Y & Test PSNR-RGB" in text
    assert r"1 & 01\_First & \textbf{32.50} & 0.9100 & 25.25" in text
    caption = text.split(r"\caption{")[1]
    assert f"Ranked by Test PSNR-Y [dB]: {PROTOCOL}" in caption and len(caption) < 900


def test_the_site_shows_the_metric_that_ranks(built: tuple[str, Path]) -> None:
    page = (built[1] / "index.html").read_text()
    assert f"Ranked by PSNR-Y on the test images ({PROTOCOL}" in page
    heads = re.findall(r"<button type=\"button\">([^<]+)</button>(?:<small>|</th>)", page)
    assert heads[:4] == ["Rank", "Model", "Test PSNR-Y", "Test SSIM-Y"]
    assert f'title="{PROTOCOL}, mean over images"' in page
    row = page[page.index("01_First") :]
    assert 'class="best">32.50</td>' in row[: row.index("</tr>")]
    assert "Test PSNR-Y [dB] against Params [M]" in page
    image = (built[1] / "image" / "test-0001.html").read_text()
    assert "PSNR-Y from 30.50 to 32.50 dB" in image and image.index("01_First") < image.index("03_Third")
    assert "PSNR-Y per test image" in (built[1] / "team" / "01_First.html").read_text()


def test_json_and_csv_name_every_metric(built: tuple[str, Path]) -> None:
    assert f'"psnr_y_float": "{PROTOCOL}' in (built[1] / "leaderboard.json").read_text()
    rows = list(csv.DictReader((built[1] / "leaderboard.csv").open()))
    assert rows[0]["model"] == "01_First" and float(rows[0]["test_psnr_y_float"]) == pytest.approx(32.5)
    assert float(rows[0]["test_psnr"]) == pytest.approx(25.25)


def test_nothing_that_is_published_has_a_local_path(built: tuple[str, Path]) -> None:
    files = [path for path in built[1].rglob("*") if path.is_file() and path.name != "plotly.min.js"]
    assert len(files) > 100
    assert not [path.name for path in files if "somebody" in path.read_text(encoding="utf-8")]
    assert "01_First.pth" in (built[1] / "team" / "01_First.html").read_text()


def test_costs_that_nobody_has_are_not_plotted(built: tuple[str, Path]) -> None:
    page = (built[1] / "index.html").read_text()
    assert 'data-cost="params_m"' in page and "flops_g" not in page and "runtime_ms" not in page


def test_long_reasons_do_not_fill_tables(built: tuple[str, Path]) -> None:
    for name in ("leaderboard.md", "leaderboard.tex", "index.html"):
        text = (built[1] / name).read_text()
        assert 5 < text.count("and more") < 20, name
    assert (built[1] / "leaderboard.csv").read_text().count("and more") == 70


def test_ssim_reaches_every_text_output(tmp_path: Path) -> None:
    one = record("01_A", challenge="esr2024")
    for result in one.modes.values():
        for image in result.images:
            image.metrics["ssim"] = 0.75
    store.append(tmp_path / "save", one)
    common = ["--save_dir", str(tmp_path / "save"), "--challenge", "esr2024", "--out", str(tmp_path / "out")]
    assert run("-m", "leaderboard", "build", *common).returncode == 0
    assert "| Val SSIM | Test SSIM |" in (tmp_path / "out" / "leaderboard.md").read_text()
    assert "& Val SSIM & Test SSIM &" in (tmp_path / "out" / "leaderboard.tex").read_text()
    assert "Val SSIM</button>" in (tmp_path / "out" / "index.html").read_text()


def test_official_files_hold_the_metrics_of_the_challenge_and_names_verbatim(tmp_path: Path) -> None:
    one = image_sr("02_[Second]")
    metrics = [metric for metric in shown_metrics(load("imagesr2024")) if metric.kind == "psnr"]
    official.write(tmp_path, [one], metrics)
    header = (tmp_path / "results.txt").read_text().splitlines()[0]
    titles = [cell.strip() for cell in header.split("\t")]
    assert titles[:5] == ["Model", "Val PSNR-Y", "Test PSNR-Y", "Val PSNR", "Test PSNR"]
    entry = official.results_json({"02_[Second]": one})
    assert entry["02_[Second]"]["test_ave_psnr_y_float"] == pytest.approx(31.5)
    again = read_official(tmp_path / "results.json")[0]
    assert again.model == "02_[Second]" and again.modes["test"].mean("psnr_y_float") == pytest.approx(31.5)


@pytest.fixture(scope="module")
def judged(
    tmp_path_factory: pytest.TempPathFactory, tiny_pairs: tuple[Path, Path]
) -> tuple[subprocess.CompletedProcess[str], Path]:
    """A batch of two, one of which fails with a long reason, on a terminal of 80 columns."""
    folder = tmp_path_factory.mktemp("judged")
    reason = "raise RuntimeError('out of ideas ' * 50)"
    branches = {1: toy.honest("A_network_with_a_rather_long_name"), 2: toy.forward(reason)}
    repo = toy.write_repo(folder / "repo", branches)
    hr, lr = map(str, tiny_pairs)
    done = run(
        "test_demo.py", "--repo", str(repo), "--all", "--pairs", hr, lr, "--save_dir", str(folder / "out"),
        "--device", "cpu", "--protocol", "ntire", "--challenge", "imagesr2024", "--ssim", COLUMNS="80",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    return done, folder / "out"


def test_a_batch_shows_and_keeps_the_metric_that_ranks(
    judged: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    text, out = judged[0].stdout, judged[1]
    row = next(csv.DictReader((out / "leaderboard.csv").open()))
    psnr_y, ssim_y = (
        f"{float(row[f'val_{name}']):.{n}f}" for name, n in (("psnr_y_float", 2), ("ssim_y_float", 4))
    )
    line = next(line for line in text.splitlines() if "rather_long_name" in line and "│" in line)
    assert psnr_y in line and ssim_y in text
    assert f"{float(row['val_psnr']):.2f}" not in text.split("Image Super-Resolution")[-1]
    assert f"Ranked by Val PSNR-Y [dB]: {PROTOCOL}" in text.replace("\n  ", " ")
    header, first = (out / "results.txt").read_text().splitlines()[:2]
    assert header.split("\t")[1].strip() == "Val PSNR-Y" and first.split("\t")[1].strip() == psnr_y


def test_a_batch_gives_the_reason_of_a_failure_once(
    judged: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    text = " ".join(judged[0].stdout.split())
    assert text.count("out of ideas out of ideas out of ideas out of ideas") >= 1
    assert len(re.findall("RuntimeError", text)) == 1
    assert "Provisional" not in text


def test_a_mistyped_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    for verb in ("build", "serve"):
        done = run("-m", "leaderboard", verb, "--save_dir", str(tmp_path / "resluts"))
        assert done.returncode == 2 and done.stderr.count("\n") == 1
        assert "resluts: no such folder; expected" in done.stderr
        assert "did you mean 'results'?" in done.stderr


TOY_PAGE = """
from leaderboard.site.page import Page

def _files(data):
    yield "toy.html", {"count": sum(len(group.listed) for group in data.groups)}

TOY_PAGE = Page("toy.html", _files, "Toy")
"""


def test_a_new_page_is_one_module_one_template_and_one_line(tmp_path: Path) -> None:
    skipped = shutil.ignore_patterns("__pycache__")
    for name in ("eval", "data", "leaderboard"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=skipped)
    site = tmp_path / "leaderboard" / "site"
    (site / "toy.py").write_text(TOY_PAGE)
    template = '{% extends "base.html" %}{% block content %}<p>{{ count }} entries</p>{% endblock %}'
    (site / "templates" / "toy.html").write_text(template)
    pages = (site / "pages.py").read_text()
    line = "    INDEX_PAGE,\n"
    assert pages.count(line) == 1
    added = "    __import__('leaderboard.site.toy').site.toy.TOY_PAGE,\n"
    (site / "pages.py").write_text(pages.replace(line, line + added))
    store.append(tmp_path / "save", record("01_A"))
    common = ["--save_dir", str(tmp_path / "save"), "--challenge", "esr2026", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-m", "leaderboard", "build", *common], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "<p>1 entries</p>" in (tmp_path / "out" / "toy.html").read_text()
    assert '<a href="toy.html">Toy</a>' in (tmp_path / "out" / "index.html").read_text()


def test_bicubic_is_a_row_without_a_rank(tmp_path: Path) -> None:
    """Of a record as the harness writes it: in every table, and not among those that are ranked."""
    images = [ImageResult(name=f"{number:04d}", metrics={"psnr": 24.125}) for number in range(8)]
    one = record("01_A", challenge="esr2024", reference={"valid": ModeResult(images=images)})
    store.append(tmp_path / "save", one)
    common = ["--save_dir", str(tmp_path / "save"), "--challenge", "esr2024", "--out", str(tmp_path / "out")]
    done = run("-m", "leaderboard", "build", *common)
    assert done.returncode == 0, done.stderr
    assert "| – | bicubic | 24.12 | – |" in (tmp_path / "out" / "leaderboard.md").read_text()
    assert "-- & bicubic & 24.12 & --" in (tmp_path / "out" / "leaderboard.tex").read_text()
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.count("bicubic<small>") == 1 and "<td>24.12</td>" in page[page.index("bicubic<small>") :]
    assert [row["model"] for row in csv.DictReader((tmp_path / "out" / "leaderboard.csv").open())] == ["01_A"]


def test_bicubic_stands_in_the_table_of_a_batch(
    judged: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    line = next(line for line in judged[0].stdout.splitlines() if "│ bicubic" in line)
    mean = store.read_all(judged[1])[0].reference["valid"].mean("psnr_y_float")
    assert mean is not None and f"{mean:.2f}" in line
