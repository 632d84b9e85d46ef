"""Claims found in texts of many forms: each as a reader finds them, and nothing else."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from data.errors import InputError
from eval.claims.factsheet.bounded import parse_bounded
from eval.claims.factsheet.parse import Factsheet, parse_factsheet
from eval.tomlfile import read_toml

TEXTS: list[dict[str, Any]] = read_toml(Path(__file__).parent / "texts.toml")["text"]


def parsed(one: dict[str, Any], folder: Path) -> Factsheet:
    path = folder / f"factsheet{one['suffix']}"
    path.write_text(one["content"], encoding="utf-8")
    return parse_factsheet(path)


@pytest.mark.parametrize("one", TEXTS, ids=lambda one: str(one["name"]))
def test_a_text_gives_its_claims_and_no_others(one: dict[str, Any], tmp_path: Path) -> None:
    found = parsed(one, tmp_path)
    values = {
        name: list(claim.value) if isinstance(claim.value, tuple) else claim.value
        for name, claim in found.claims.items()
    }
    assert values == one["claims"]
    assert [conflict.field for conflict in found.conflicts] == one.get("conflicts", [])


def test_every_claim_has_its_sentence_and_place(tmp_path: Path) -> None:
    found = parsed(TEXTS[0], tmp_path)
    assert found.claims["flops_g"].sentence.startswith("The model has 0.6574 M parameters and 41.2126 G")
    assert found.claims["flops_g"].place == "factsheet.txt line 4"
    assert found.team == {"team": "Lasagna", "title": "EERN"}
    json.dumps(found.as_dict())


def test_a_conflict_shows_both_sentences(tmp_path: Path) -> None:
    (conflict,) = parsed(next(one for one in TEXTS if "conflicts" in one), tmp_path).conflicts
    assert [one.value for one in conflict.found] == [0.31, 0.19]
    assert "deployed" in conflict.found[1].sentence


def test_a_zip_of_tex_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "source.zip", "w") as archive:
        archive.writestr("main.tex", "\\documentclass{article}\n\\input{body}")
        archive.writestr("body.tex", "The model has 0.3 M parameters.")
    found = parse_factsheet(tmp_path / "source.zip")
    assert (found.claims["params_m"].value, found.claims["params_m"].place) == (0.3, "body.tex line 1")


def minimal_pdf(lines: list[str]) -> bytes:
    """A PDF of one page with `lines`, set in Helvetica."""
    shown = " ".join(f"({line}) Tj T*" for line in lines)
    stream = f"BT /F1 10 Tf 12 TL 40 760 Td {shown} ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        " /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    content, offsets = "%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        offsets.append(len(content))
        content += f"{number} 0 obj\n{one}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    end = f"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n{len(content)}\n%%EOF\n"
    return f"{content}xref\n0 6\n0000000000 65535 f \n{table}{end}".encode("ascii")


def test_a_pdf_is_read_with_its_pages(tmp_path: Path) -> None:
    lines = ["The network has a number of", "parameters of 0.2205 M and 14.07 G FLOPs."]
    (tmp_path / "sheet.pdf").write_bytes(minimal_pdf(lines))
    found = parse_factsheet(tmp_path / "sheet.pdf")
    assert {name: claim.value for name, claim in found.claims.items()} == {
        "params_m": 0.2205,
        "flops_g": 14.07,
    }
    assert found.claims["params_m"].place == "page 1"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.docx", b"", "expected a factsheet"),
        ("a.pdf", b"no PDF", "cannot be read"),
        ("a.zip", b"no ZIP", "not a ZIP archive"),
    ],
)
def test_what_is_no_factsheet_is_refused(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        parse_factsheet(tmp_path / name)
    with pytest.raises(InputError, match="cannot be read"):
        parse_factsheet(tmp_path / "missing.txt")


def test_a_file_that_takes_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sheet.txt").write_text("Number of parameters: 0.3 M\n" * 10)
    assert parse_bounded(tmp_path / "sheet.txt").claims["params_m"].value == 0.3
    monkeypatch.setattr("eval.claims.factsheet.bounded._limit", out_of_memory)
    with pytest.raises(InputError, match="cannot be read within 60 s and 2 GiB"):
        parse_bounded(tmp_path / "sheet.txt")


def out_of_memory() -> None:
    """Ends the reading process as the kernel would."""
    raise MemoryError
