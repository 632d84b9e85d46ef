"""The text of a factsheet as passages with their places: PDF, TeX, a ZIP of TeX, plain text, Markdown."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data.errors import InputError

_SUFFIXES = (".pdf", ".tex", ".zip", ".txt", ".md")
_MOST_BYTES = 64 << 20
MOST_MEMBERS = 200


@dataclass(frozen=True)
class Passage:
    """One line of a table or one sentence. place: `page 2`, `main.tex line 40`. cells: of a table's row, else empty."""

    text: str
    place: str
    cells: tuple[str, ...] = ()


def read_passages(path: Path) -> list[Passage]:
    """All passages of the factsheet at `path`, in order.

    Raises InputError for a file that is missing, too large, damaged, or of another kind.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(f"{path}: expected a factsheet, a file with one of {', '.join(_SUFFIXES)}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    if len(content) > _MOST_BYTES:
        raise InputError(f"{path}: {len(content) >> 20} MiB, expected at most {_MOST_BYTES >> 20} MiB")
    if suffix == ".pdf":
        return list(_pdf(path, content))
    if suffix == ".zip":
        return [passage for name, text in _members(path, content) for passage in _tex(text, name)]
    text = content.decode("utf-8", "replace")
    return list(_tex(text, path.name) if suffix == ".tex" else _plain(text, path.name))


def _pdf(path: Path, content: bytes) -> Iterator[Passage]:
    import pypdf

    try:
        pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages]
    except Exception as error:  # the reader raises many kinds for damaged files
        raise InputError(f"{path}: the PDF cannot be read ({type(error).__name__}: {error})") from None
    for number, text in enumerate(pages, 1):
        yield from _prose(text, f"page {number}")


def _members(path: Path, content: bytes) -> list[tuple[str, str]]:
    """Names and texts of the TeX files in a ZIP, the one with \\documentclass first."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inside = [info for info in archive.infolist() if info.filename.endswith(".tex")][:MOST_MEMBERS]
            if sum(info.file_size for info in inside) > _MOST_BYTES:
                raise InputError(f"{path}: its TeX files are larger than {_MOST_BYTES >> 20} MiB together")
            found = [(info.filename, archive.read(info).decode("utf-8", "replace")) for info in inside]
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise InputError(f"{path}: not a ZIP archive that can be read ({error})") from None
    if not found:
        raise InputError(f"{path}: holds no TeX file; expected the source of the factsheet")
    return sorted(found, key=lambda item: ("\\documentclass" not in item[1], item[0]))


def _tex(text: str, name: str) -> Iterator[Passage]:
    """Sentences of the running text, and the rows of tables with their cells."""
    lines = [re.sub(r"(?<!\\)%.*", "", line) for line in text.split("\n")]
    paragraph: list[str] = []
    table, first = 0, 1
    for number, line in enumerate([*lines, ""], 1):
        table += len(re.findall(r"\\begin\{tabular", line)) - len(re.findall(r"\\end\{tabular", line))
        if table > 0 or "&" in re.sub(r"\\&", "", line):
            yield from _rows(line, f"{name} line {number}")
        elif line.strip():
            first = first if paragraph else number
            paragraph.append(line)
            continue
        if paragraph:
            yield from _prose(_without_markup(" \n".join(paragraph)), f"{name} line {first}")
            paragraph = []


def _rows(line: str, place: str) -> Iterator[Passage]:
    for row in re.split(r"\\\\", line):
        cells = [" ".join(_without_markup(cell).split()) for cell in re.split(r"(?<!\\)&", row)]
        if len(cells) > 1 and any(cells):
            yield Passage(" | ".join(cells), place, tuple(cells))


def _without_markup(tex: str) -> str:
    from pylatexenc.latex2text import LatexNodes2Text

    try:
        return str(LatexNodes2Text(keep_comments=False, strict_latex_spaces=False).latex_to_text(tex))
    except Exception:  # half a command, such as a line of a table may hold
        return re.sub(r"\\[A-Za-z]+\*?|[{}$]", " ", tex)


def _plain(text: str, name: str) -> Iterator[Passage]:
    """Text and Markdown: rows with bars are tables, `key: value` lines stand alone, the rest is sentences."""
    paragraph: list[str] = []
    first = 1
    for number, line in enumerate([*text.split("\n"), ""], 1):
        cells = [cell.strip(" *`") for cell in line.strip().strip("|").split("|")]
        is_row = line.count("|") >= 2
        stands_alone = bool(re.match(r"\s*([-*]\s+)?[^.:]{2,80}:\s*\S", line)) or line.lstrip().startswith(
            ("#", "- ", "* ")
        )
        if is_row or stands_alone or not line.strip() or line.rstrip().endswith(":"):
            if paragraph:
                yield from _prose("\n".join(paragraph), f"{name} line {first}")
                paragraph = []
            if is_row and not set(line) <= set("|-: "):
                yield Passage(" | ".join(cells), f"{name} line {number}", tuple(cells))
            elif stands_alone:
                yield Passage(tidy(line.strip(" #*-")), f"{name} line {number}")
            continue
        first = first if paragraph else number
        paragraph.append(line)


def _prose(text: str, place: str) -> Iterator[Passage]:
    for sentence in re.split(
        r"(?<=[.!?;])\s+(?=[A-Z(])|\n\s*\n|\n\s*(?=[-•*]\s)|\n(?=[A-Z][^\n]{2,60}:\s)", tidy(text, lines=True)
    ):
        flat = tidy(sentence).strip(" -•*")
        if flat:
            yield Passage(flat, place)


def tidy(text: str, *, lines: bool = False) -> str:
    """Ligatures and odd spaces as plain letters; words and numbers that a line break cut are joined.

    >>> tidy("the number of param-\\neters is 0.\\n657 M, e\\ufb03cient")
    'the number of parameters is 0.657 M, efficient'
    """
    text = unicodedata.normalize("NFKC", text).replace("\u2212", "-")
    text = re.sub(r"(?<=[A-Za-z])-\s*\n\s*(?=[a-z])", "", text)
    text = re.sub(r"(?<=\d[.,])\s*\n\s*(?=\d)|(?<=\d)\s*\n\s*(?=[.,]\d)", "", text)
    return text if lines else " ".join(text.split())
