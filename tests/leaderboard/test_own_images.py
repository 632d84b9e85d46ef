"""The whole way for each shipped challenge: images on disk, `test_demo.py`, `leaderboard build`, the score."""

from __future__ import annotations

import csv
import math
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from eval import challenge as challenges
from eval.challenge import Challenge, EfficiencyRanking, MetricRanking
from eval.records import store
from tests.conftest import ROOT
from tests.eval import toy

LSDIR = [f"{number:07d}" for number in range(1, 101)]
# The official layouts: folders of HR and LR images by split, the names in them, and what LR names add.
DIV2K_LSDIR = {
    "valid": (
        "DIV2K_LSDIR_valid_HR",
        "DIV2K_LSDIR_valid_LR",
        [*LSDIR, *map("{:04d}".format, range(801, 901))],
    ),
    "test": ("DIV2K_LSDIR_test_HR", "DIV2K_LSDIR_test_LR", [*LSDIR, *map("{:04d}".format, range(901, 1001))]),
}
DIV2K = {
    "valid": ("DIV2K_valid_HR", "DIV2K_valid_LR", list(map("{:04d}".format, range(801, 901)))),
    "test": ("DIV2K_test_HR", "DIV2K_test_LR", list(map("{:04d}".format, range(901, 1001)))),
}


def write_images(folder: Path, layout: dict[str, tuple[str, str, list[str]]], noise: int = 8) -> Path:
    """Tiny pairs: each LR image enlarged without interpolation, and noise of `noise` levels (PSNR 30 dB for 8)."""
    rng = np.random.default_rng(0)
    lr = rng.integers(32, 224, (8, 8, 3), np.uint8)
    hr = lr.repeat(4, 0).repeat(4, 1).astype(int) + noise * rng.choice([-1, 1], (32, 32, 3))
    files = [cv2.imencode(".png", image)[1].tobytes() for image in (hr.astype(np.uint8), lr)]
    for hr_name, lr_name, names in layout.values():
        for sub, suffix, content in ((hr_name, "", files[0]), (lr_name, "x4", files[1])):
            (folder / sub).mkdir(parents=True)
            for name in names:
                (folder / sub / f"{name}{suffix}.png").write_bytes(content)
    return folder


WIDE = """
class Wide(Repeat):
    def __init__(self):
        super().__init__()
        self.more = nn.Conv2d(3, 3, 1, bias=False)
        nn.init.zeros_(self.more.weight)

    def forward(self, x):
        return super().forward(x + self.more(x))
"""


def write_submissions(folder: Path, baseline: str) -> Path:
    """A repository of two: the baseline, and a network with twice as many convolutions."""
    return toy.write_repo(
        folder, {0: f'name = "{baseline}"\nmodel = Repeat()', 7: WIDE + 'name = "07_Wide"\nmodel = Wide()'}
    )


# Measured beside esr2024, which the README's command judges: challenge, baseline, ids, folder of results. Further
# challenges rank the same records.
MEASURED = (
    ("esr2025", "00_EFDN_baseline", ("0",), "esr"),
    ("esr2026", "00_SPAN", ("0",), "esr"),
    ("esr2022", "00_IMDN_baseline", ("0", "7"), "div2k"),
    ("imagesr2024", "00_Base", ("7",), "imagesr"),
)
FOLDERS = {"esr2022": "div2k", "imagesr2024": "imagesr", "imagesr2025": "imagesr", "imagesr2026": "imagesr"}


QUICK = ("--device", "cpu", "--protocol", "ntire")


def readme_command(mark: str, repo: Path, data: Path, save_dir: Path) -> list[str]:
    """The command of the README's "Judge a challenge" that holds `mark`, on these files; without `python`."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    block = page.split("## Judge a challenge")[1].split("```sh\n")[1].split("```")[0]
    line = next(line for line in block.splitlines() if mark in line)
    words = shlex.split(line, comments=True)[1:]
    places = {"DATA": str(data), "results": str(save_dir), "site": str(save_dir.parent / "site")}
    found = [places.get(word, word) for word in words]
    if "--all" in found:
        found += ["--repo", str(repo)]  # in place of the systems that come with the project, for their size
    return found


def run(*command: object) -> str:
    done = subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def rows_of(save_dir: Path, challenge: str, out: Path) -> dict[str, dict[str, str]]:
    run(
        "-m",
        "leaderboard",
        "build",
        "--tables_only",
        "--save_dir",
        save_dir,
        "--challenge",
        challenge,
        "--out",
        out,
    )
    with (out / "leaderboard.csv").open() as stream:
        return {row["model"]: row for row in csv.DictReader(stream)}


def without_runtime(save_dir: Path) -> list[str]:
    """Ids of submissions whose newest record has lost a runtime, as on a machine that was busy."""
    newest = store.latest(store.read_all(save_dir)).values()
    return [one.submission.model_id for one in newest if one.mean_runtime_ms() is None]


def judge(command: list[str], ids: list[str], save_dir: Path, attempts: int = 2) -> None:
    """Run `command`; measure again what lost its runtime, because only that depends on the machine."""
    text = run(*command, *QUICK)
    assert "ranked by PSNR" not in text
    lost = [one for one in without_runtime(save_dir) if one in ids]
    if not lost or attempts == 1:
        return
    again = [word for word in command if word != "--all"]
    if "--model_id" in again:
        start = again.index("--model_id")
        del again[start : start + 1 + len(ids)]
    judge([*again, "--model_id", *lost], lost, save_dir, attempts - 1)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of results, one for each layout."""
    folder = tmp_path_factory.mktemp("official")
    write_images(folder / "data", DIV2K_LSDIR)
    write_images(folder / "older", DIV2K)
    of_2024 = write_submissions(folder / "repo_esr2024", "00_RLFN_baseline")
    command = readme_command("--include_test", of_2024, folder / "data", folder / "esr")
    judge(command, ["0", "7"], folder / "esr")
    for challenge, baseline, ids, results in MEASURED:
        repo = write_submissions(folder / f"repo_{challenge}", baseline)
        data = folder / ("data" if results == "esr" else "older")
        command = ["test_demo.py", "--repo", str(repo), "--include_test", "--challenge", challenge]
        command += ["--data_dir", str(data), "--save_dir", str(folder / results)]
        judge([*command, "--model_id", *ids], list(ids), folder / results)
    return folder


def by_hand(rule: EfficiencyRanking, row: dict[str, str], base: dict[str, str]) -> float:
    """The published formula, from the figures of the table."""
    shares = {
        "runtime_ms": rule.weights.runtime,
        "flops_g": rule.weights.flops,
        "params_m": rule.weights.params,
    }
    return math.fsum(
        share * math.exp(2 * float(row[name]) / float(base[name])) for name, share in shares.items()
    )


def check_parts(rule: EfficiencyRanking, rows: dict[str, dict[str, str]]) -> None:
    """The scores that need no runtime."""
    base, wide = rows[rule.baseline.model], rows["07_Wide"]
    if "published" in wide["reference"]:
        return  # the baseline lost its runtime
    for score, figure in (("score_flops", "flops_g"), ("score_params", "params_m")):
        assert float(wide[score]) == pytest.approx(math.exp(2 * float(wide[figure]) / float(base[figure])))


def skip_without_runtimes(rules: Challenge, rows: dict[str, dict[str, str]]) -> None:
    """On a machine that is too busy, runtimes are not believed and dropped: then there is no score to look at."""
    lost = [model for model, row in rows.items() if not row["runtime_ms"]]
    if lost and not isinstance(rules.ranking, MetricRanking):
        pytest.skip(f"the machine is too busy: the runtime of {', '.join(lost)} is not believed")


def check_scores(rules: Challenge, rows: dict[str, dict[str, str]]) -> None:
    """The figures that rank are those of the challenge's own formula."""
    rule, wide = rules.ranking, rows["07_Wide"]
    if isinstance(rule, EfficiencyRanking):
        base = rows[rule.baseline.model]
        assert float(base["score_final"]) == pytest.approx(math.exp(2), rel=1e-9)
        assert float(wide["score_final"]) == pytest.approx(by_hand(rule, wide, base), rel=1e-9)
        assert float(wide["params_m"]) == 2 * float(base["params_m"])
        assert "published" not in wide["reference"]
        ranking, best = "score_final", min
    elif isinstance(rule, MetricRanking):
        assert wide["score_final"] == wide["test_psnr_y_float"]
        ranking, best = "score_final", max
    else:
        base = rows["00_IMDN_baseline"]
        assert (base["rank_complexity"], wide["rank_complexity"]) == ("1", "2")
        assert (base["ranksum_complexity"], wide["ranksum_complexity"]) == ("2.0", "4.0")
        ranking, best = "runtime_ms", min
    first = next(row for row in rows.values() if row["rank"] == "1")
    assert float(first[ranking]) == best(float(row[ranking]) for row in rows.values())


@pytest.mark.parametrize("name", challenges.available())
def test_images_in_the_official_layout_are_ranked_by_the_score(
    name: str, judged: Path, tmp_path: Path
) -> None:
    rules = challenges.load(name)
    rows = rows_of(judged / FOLDERS.get(name, "esr"), name, tmp_path / "out")
    assert {row["ranked_by"] for row in rows.values()} == {"score"}
    if isinstance(rules.ranking, EfficiencyRanking):
        check_parts(rules.ranking, rows)
    skip_without_runtimes(rules, rows)
    assert {row["reason"] for row in rows.values()} == {""}
    check_scores(rules, rows)


def test_the_readme_s_commands_end_with_the_score(judged: Path) -> None:
    places = (judged / "repo_esr2024", judged / "data", judged / "esr")
    resumed = run(
        *readme_command("--resume", *places), "--include_test", "--ssim", "--save_dir", places[2], *QUICK
    )
    assert resumed.count("already evaluated, skipped") == 2
    printed = run(*readme_command("leaderboard build", *places))
    assert "Ranked by PSNR" not in printed
    skip_without_runtimes(
        challenges.load("esr2024"), rows_of(places[2], "esr2024", places[2].parent / "again")
    )
    line = next(line for line in printed.splitlines() if "00_RLFN_baseline  " in line)
    assert float(line.casefold().split("score ")[1].split()[0]) == pytest.approx(math.exp(2), abs=1e-3)
    assert "exp(2 · runtime/baseline)" in (judged / "site" / "index.html").read_text()


def names(splits: Iterable[str]) -> dict[str, list[str]]:
    return {split: DIV2K_LSDIR[split][2] for split in splits}


def test_which_images_are_the_challenge_s_own() -> None:
    rules = challenges.load("esr2024")
    both = names(["valid", "test"])
    assert rules.owns(both, {}, official_layout=True)
    assert rules.owns(both, {}, official_layout=False)  # by their names
    assert rules.owns(names(["valid"]), {}, official_layout=False)
    assert not rules.owns({"valid": both["valid"][1:]}, {}, official_layout=True)
    assert not rules.owns({"valid": [f"img_{n}" for n in range(200)]}, {}, official_layout=False)
    assert not challenges.load("esr2022").owns(both, {}, official_layout=True)


def test_a_stated_sha256_decides() -> None:
    content = challenges.load("esr2024").model_dump()
    content["images"]["valid"]["sha256"] = "a" * 64
    rules = Challenge.model_validate(content)
    assert rules.owns(names(["valid"]), {"valid": "a" * 64}, official_layout=False)
    assert not rules.owns(names(["valid"]), {"valid": "b" * 64}, official_layout=True)
    assert rules.owns(names(["valid"]), {}, official_layout=True)  # records from before


def test_without_images_in_the_rules_the_score_applies_to_all() -> None:
    content = challenges.load("esr2024").model_dump()
    del content["images"]
    assert Challenge.model_validate(content).owns({"valid": ["1"]}, {}, official_layout=False)
