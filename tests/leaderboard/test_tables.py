"""Formats: exact text of numbers and tables, escaping, strict JSON, LaTeX that compiles."""

from __future__ import annotations

import csv
import doctest
import json
import math
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from eval.challenge import load
from eval.records import public
from leaderboard import tables
from leaderboard.importing import read_official
from leaderboard.ranking import rank
from tests.leaderboard.makers import failed, record

ESR = load("esr2026")
COLUMNS = [
    "rank", "model", "eligible", "val_psnr", "test_psnr", "runtime_ms", "flops_g", "params_m", "score_runtime",
    "score_flops", "score_params", "score_final", "ties with", "reason", "flags", "sandbox", "checkpoint_source",
]  # fmt: skip


@pytest.fixture
def frame() -> pd.DataFrame:
    return rank(
        [
            record("00_SPAN", psnr=27.1, ms=8),
            record("01_A|_B", psnr=27.0, ms=6),
            record("02_C", psnr=20.0),
            failed("03_D", "stopped: 100% & more"),
        ],
        ESR,
    )


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (7.38905, 3, "7.389"), (0.0, 2, "0.00"), (-0.25, 1, "-0.2"), (99999.4, 0, "99999"), (100000.0, 2, "1.00e05"),
        (7.23e11, 2, "7.23e11"), (math.inf, 2, "∞"), (-math.inf, 2, "−∞"), (math.nan, 2, "–"), (None, 2, "–"),
        (pd.NA, 0, "–"), (3, 0, "3"),
    ],
)  # fmt: skip
def test_numbers(value: Any, decimals: int, text: str) -> None:
    assert tables.format_number(value, decimals) == text


def test_csv_has_the_promised_columns(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.csv"
    tables.write_csv(frame, path)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert set(COLUMNS) <= set(rows[0])
    assert rows[0]["rank"] == "1" and rows[0]["model"] == "01_A|_B" and rows[0]["eligible"] == "True"
    assert rows[-1]["rank"] == "" and rows[-1]["val_psnr"] == "" and rows[-1]["eligible"] == "False"
    assert float(rows[1]["score_final"]) == pytest.approx(math.exp(2))


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", "\r=1+1"])
def test_a_cell_of_text_is_no_formula_of_a_spreadsheet(start: str, tmp_path: Path) -> None:
    hostile = record("25_EERN", psnr=27)
    broken = failed("02_B", "reason")
    hostile.submission.team = broken.error = start  # not as they are read, with escapes
    table = rank([hostile, broken], ESR)
    table.loc[0, "runtime_ratio"] = -1.5
    tables.write_csv(table, tmp_path / "leaderboard.csv")
    with (tmp_path / "leaderboard.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert (rows[0]["team"], rows[1]["reason"]) == (f"'{start}".replace("\r", "�"),) * 2
    assert (rows[0]["model"], rows[0]["runtime_ratio"]) == ("25_EERN", "-1.5")


def test_markdown(frame: pd.DataFrame) -> None:
    lines = tables.to_markdown(frame).splitlines()
    assert lines[2].startswith("| 1 | 01\\_A\\|\\_B | 27.00 | 27.00 | **6.00** |")
    assert lines[-1] == "- 03\\_D: stopped: 100% & more"
    assert "Not ranked:" in lines


def test_latex_marks_the_best_and_the_second(frame: pd.DataFrame) -> None:
    text = tables.to_latex(frame, "Title.")
    assert r"\toprule" in text and r"\bottomrule" in text
    first = next(line for line in text.splitlines() if line.startswith("1 &"))
    assert first.startswith(r"1 & 01\_A\textbar{}\_B & \underline{27.00} & \underline{27.00} & \textbf{6.00}")
    assert r"100\% \& more" in text
    assert (
        r"\multicolumn{4}{c}{Score}" in text
        and r"& [ms] & [G] & [M] & Runtime & FLOPs & Params & Final" in text
    )


@pytest.fixture
def groups() -> pd.DataFrame:
    other = [record(name, ms=ms, device="GPU B", dataset="mine") for name, ms in (("01_A", 2), ("02_B", 1))]
    own = [one.model_copy(update={"scored_by_challenge_data": False}) for one in other]
    return rank([record("00_SPAN", ms=8), record("01_A", ms=6), record("02_B", ms=9), *own], ESR)


def test_markdown_has_a_table_for_each_machine(groups: pd.DataFrame) -> None:
    text = tables.to_markdown(groups)
    first, second = text.split("## GPU B, robust, mine\n")
    assert "## GPU A, robust, DIV2K\\_LSDIR\n" in first
    assert [line.split(" | ")[0] for line in second.splitlines() if line.startswith("| ")][1:] == [
        "| 1",
        "| 1",
    ]
    assert "**6.00**" in first and "**1.00**" in second and "2.00" in second and "**2.00**" not in second
    assert "Score" in first and "score" not in second.split("does not apply")[1]


def test_latex_has_a_table_for_each_machine(groups: pd.DataFrame) -> None:
    first, second = tables.to_latex(groups, "Title.").split(r"\end{table*}")[:2]
    assert r"\textbf{6.00}" in first and r"\underline{8.00}" in first
    assert r"\textbf{1.00}" in second and r"\underline{2.00}" in second
    assert r"\caption{Title. GPU A, robust, DIV2K\_LSDIR." in first
    assert r"\caption{Title. GPU B, robust, mine. Ranked by PSNR" in second
    assert "Final" in first and "Final" not in second and "does not apply" not in first


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("Łukasz Šč é", "Łukasz Šč é"), ("Nguyễn Ąę", "Nguyen Ae"), ("日本 ß", "?? ß"), ("a<b>c|d", r"a\textless{}b"),
        ("\x1b[31m", "?[31m"), ("– — “x” ∞", r"-- — “x” $\infty$"),
    ],
)  # fmt: skip
def test_letters_that_bare_latex_lacks_are_replaced(text: str, latex: str) -> None:
    one = failed("01_A", "reason")
    one.error = text  # not as it is read, with escapes
    assert tables.to_latex(rank([one], ESR)).count(latex) == 1


def test_json_is_strict(frame: pd.DataFrame) -> None:
    frame.loc[0, "score_final"] = math.inf

    def refuse(text: str) -> None:
        raise AssertionError(text)

    content = json.loads(tables.table_json(frame), parse_constant=refuse)
    assert content["rows"][0]["score_final"] == "Infinity"
    assert content["rows"][-1]["val_psnr"] is None
    assert content["challenge"] == "esr2026"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here, so LaTeX cannot be compiled")
def test_latex_compiles(frame: pd.DataFrame, tmp_path: Path) -> None:
    every = "".join(map(chr, [*range(0x20, 0x250), *range(0x2010, 0x2040), *range(0x1EA0, 0x1EFA)]))
    body = tables.to_latex(frame, "All of \\ { } $ # ^ ~ _ & % é – ∞ 日本 \x1b \x7f \ud800 " + every)
    source = "\\documentclass{article}\\usepackage[utf8]{inputenc}\\usepackage{booktabs}\n\\begin{document}\n"
    (tmp_path / "t.tex").write_text(source + body + "\\end{document}\n", encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"], cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here, so LaTeX cannot be compiled")
def test_the_published_table_fits_a_conference_paper(shared: Path, tmp_path: Path) -> None:
    table = rank(read_official(shared / "reference" / "ntire2026_results.json"), ESR)
    size = "\\setlength{\\textwidth}{6.875in}\\setlength{\\columnsep}{0.3125in}\n"
    source = "\\documentclass[10pt,twocolumn]{article}\\usepackage{booktabs}\n" + size + "\\begin{document}\n"
    (tmp_path / "t.tex").write_text(source + tables.to_latex(table, "Title.") + "\\end{document}\n")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "t.tex"], cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 0 and b"Overfull" not in done.stdout


@pytest.mark.parametrize("module", [public, tables.numbers, tables.marks])
def test_examples_in_docstrings_are_right(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted and not result.failed
