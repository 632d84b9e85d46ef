"""The command line as a user runs it: outputs, exit statuses, one-line errors; and the live server."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from eval.challenge import load
from eval.records import store
from leaderboard import serve
from leaderboard.__main__ import main
from tests.conftest import ROOT
from tests.leaderboard.makers import failed, record

OUTPUTS = {
    "leaderboard.csv",
    "leaderboard.md",
    "leaderboard.tex",
    "leaderboard.json",
    "index.html",
    "compare.html",
}


@pytest.fixture
def save_dir(tmp_path: Path) -> Path:
    for one in (record("00_SPAN", ms=8), record("01_A", ms=6, psnr=27.2), failed("02_<b>B</b>")):
        store.append(tmp_path / "save", one)
    return tmp_path / "save"


def test_build_writes_all_formats(save_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["build", "--save_dir", str(save_dir), "--challenge", "esr2026", "--out", str(out)]) == 0
    assert {path.name for path in out.iterdir()} >= OUTPUTS
    assert "   1  01_A" in capsys.readouterr().out
    page = (out / "index.html").read_text()
    assert "&lt;b&gt;B&lt;/b&gt;" in page and "<b>B</b>" not in page


def test_what_is_printed_cannot_steer_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    red = "\x1b[31mred"
    path = tmp_path / "results.json"
    store.append(tmp_path / "save", failed(f"02_{red}", red))
    path.write_text(json.dumps({f"01_{red}": {"valid_psnr": [27.0], "flops": red}}))
    save, out = str(tmp_path / "save"), str(tmp_path / "out")
    for arguments in (
        ["build", "--tables_only", "--save_dir", save, "--out", out],
        ["audit", save, "--challenge", "esr2024"],
        ["import", str(path), "--save_dir", save],
    ):
        main(arguments)
        shown = capsys.readouterr()
        assert "red" in shown.out + shown.err and "\x1b" not in shown.out + shown.err


def test_records_of_an_own_challenge_are_found_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "mine.toml"
    rules.write_text((ROOT / "leaderboard/challenges/esr2026.toml").read_text().replace("esr2026", "mine"))
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"01_A": {"valid_psnr": [27.0], "flops": 1.0}}))
    common = ["--save_dir", str(tmp_path / "save"), "--challenge", str(rules)]
    assert main(["import", str(path), *common]) == 0
    assert main(["build", "--tables_only", *common, "--out", str(tmp_path / "out")]) == 0
    assert "01_A" in capsys.readouterr().out


def test_pages_load_nothing_from_elsewhere(save_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    main(["build", "--save_dir", str(save_dir), "--challenge", "esr2026", "--out", str(out)])
    for page in out.rglob("*.html"):
        text = page.read_text()
        for mark in ('src="http', "src='http", 'rel="stylesheet" href="http', "@import", "url(http"):
            assert mark not in text, page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "--save_dir", "none"], "error: none: no such folder"),
        (["build", "--challenge", "esr2062"], "unknown challenge 'esr2062'; did you mean 'esr20"),
        (["import", "none.json"], "error: none.json: cannot be read"),
        (["import", "none.json", "--challenge", "x"], "unknown challenge 'x'"),
        (["import", "none.json", "--challenge", "x" * 300], "unknown challenge 'xxx"),
        (["import", "none.json", "--challenge", "../../pyproject"], "unknown challenge '../../pyproject'"),
        (["import", "none.json", "--challenge", "x" * 300 + ".toml"], "cannot be read (File name too long)"),
        (["import", "none.json", "--challenge", "none.toml"], "error: none.toml: no such file"),
        (["import", "none.json", "--device", "\udcff"], "--device: '\\udcff' is no valid text"),
        (["audit", "none.json"], "error: none.json: cannot be read"),
        (["verify-log", "--save_dir", "none"], "error: none: holds no records"),
        (["diff", "none", "none"], "error: none: cannot be read"),
        (["serve", "--save_dir", "none", "--port", "99999"], "error: --port 99999: cannot listen"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert message in shown.err and shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: VERB"),
        (["biuld"], "invalid choice: 'biuld'"),
        (["build", "--save_dir"], "argument --save_dir: expected one argument"),
        (["import"], "the following arguments are required: file"),
        (["audit"], "the following arguments are required: file"),
        (["diff", "one"], "the following arguments are required: after"),
        (["serve", "--port", "x"], "invalid int value: 'x'"),
        (["verify-log", "--bogus"], "unrecognized arguments: --bogus"),
    ],
)
def test_wrong_arguments_are_one_line_and_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    shown = capsys.readouterr()
    assert ended.value.code == 2
    assert message in shown.err and shown.err.count("\n") == 1 and "--help" in shown.err


def test_a_folder_named_like_a_record_is_a_problem_of_the_log(
    save_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (save_dir / "records" / "000004_dir.json").mkdir()
    store.append(save_dir.parent / "other", record("05_E"))
    other = next((save_dir.parent / "other" / "records").glob("0*.json"))
    other.rename(save_dir / "records" / "000005_05_E.json")
    assert main(["verify-log", "--save_dir", str(save_dir)]) == 1
    shown = capsys.readouterr()
    assert "000004_dir.json: cannot be read (Is a directory)" in shown.out and shown.err == ""


def test_a_head_that_was_published_must_still_be_there(
    save_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published = store.head(save_dir)
    store.append(save_dir, record("05_E"))
    command = ["verify-log", "--save_dir", str(save_dir), "--head"]
    assert main([*command, published]) == 0
    assert main([*command, "ab" * 32]) == 1
    assert "--head abab" in capsys.readouterr().out


def test_a_changed_record_breaks_the_log(save_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify-log", "--save_dir", str(save_dir)]) == 0
    assert "3 records" in capsys.readouterr().out
    first = sorted((save_dir / "records").glob("*.json"))[0]
    first.write_text(first.read_text().replace("27.0", "29.0"))
    assert main(["verify-log", "--save_dir", str(save_dir)]) == 1
    assert "the record before it was changed" in capsys.readouterr().out


def test_audit_speaks_json(save_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(save_dir), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["groups"][0]["failed"] == [{"model": "02_<b>B</b>", "reason": "worker: exit status 3"}]


def test_audit_asks_for_the_challenge_where_no_baseline_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"99_X": {"valid_psnr": [27.0], "flops": 1.0}}))
    assert main(["audit", str(path)]) == 2
    assert "name the challenge with --challenge" in capsys.readouterr().err


def test_diff_of_two_builds(save_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["build", "--tables_only", "--save_dir", str(save_dir), "--challenge", "esr2026", "--out"]
    main([*command, str(tmp_path / "a")])
    store.append(save_dir, record("01_A", ms=9, psnr=27.2))
    main([*command, str(tmp_path / "b")])
    capsys.readouterr()
    assert main(["diff", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    shown = capsys.readouterr().out
    assert "1 -> 2    01_A: runtime_ms 6.000 -> 9.000" in shown
    assert "2 -> 1    00_SPAN: moved past 01_A" in shown


def test_diff_names_the_runtime_of_a_further_machine(
    save_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["build", "--tables_only", "--save_dir", str(save_dir), "--challenge", "esr2026", "--out"]
    store.append(save_dir, record("00_SPAN", ms=20, device="GPU B"))
    for name, ms in (("a", 6.0), ("b", 9.0)):
        store.append(save_dir, record("03_C", ms=ms, device="GPU B"))
        main([*command, str(tmp_path / name)])
    capsys.readouterr()
    main([*command, str(tmp_path / "b")])
    assert "\nGPU B, robust, DIV2K_LSDIR\n   1  03_C" in capsys.readouterr().out
    assert main(["diff", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    assert "03_C: runtime_ms 6.000 -> 9.000" in capsys.readouterr().out


def test_neither_torch_nor_the_harness_is_loaded() -> None:
    code = (
        "import sys, leaderboard.ranking, leaderboard.__main__, leaderboard.audit, leaderboard.site.pages;"
        "print('torch' in sys.modules, sorted(m for m in sys.modules if m.startswith('eval.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    torch, loaded = done.stdout.strip().split(" ", 1)
    homes = {name.split(".")[1] for name in ast.literal_eval(loaded)}
    assert (torch, homes) == (
        "False",
        {"challenge", "claims", "failures", "files", "metrics", "records", "runtime", "tomlfile"},
    )


def test_the_server_rebuilds_when_a_record_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "POLL_SECONDS", 0.05)
    save_dir, out = tmp_path / "save", tmp_path / "out"
    out.mkdir()
    serve.rebuild(save_dir, load("esr2026"), out)
    assert "Waiting" in (out / "index.html").read_text()
    stop, told = threading.Event(), threading.Event()
    arguments = (save_dir, load("esr2026"), out, (), stop, lambda _: told.set())
    thread = threading.Thread(target=serve.watch, args=arguments, daemon=True)
    thread.start()
    store.append(save_dir, record("07_New"))
    assert told.wait(60)
    stop.set()
    thread.join(10)
    assert "07_New" in (out / "index.html").read_text()
