"""The site in a real headless Chromium, from disk and without network."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from eval.challenge import Challenge, load
from eval.records import store
from eval.records.schema import Complexity
from leaderboard import serve
from leaderboard.__main__ import main
from leaderboard.rules import rule_of
from leaderboard.site import crops, index
from tests.leaderboard.makers import failed, mode, record

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip
sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")

A6000 = "NVIDIA RTX A6000"  # the device of the challenge, for which its published baseline holds
PICTURES = 3
MODELS = {"00_SPAN": 8.0, "01_Fast": 4.0, "02_Small": 9.0, "03_Slow": 30.0}


def picture(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (200, 240, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


def result(seed: int, number: int) -> np.ndarray:
    return cv2.blur(picture(seed), (3 + 2 * number,) * 2)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    save = folder / "save"
    for number, (model, ms) in enumerate(MODELS.items()):
        psnr = [27.2 + number * 0.1 + 0.01 * i for i in range(12)]
        times = [ms + 0.1 * (i % 3) for i in range(12)]
        shown = [crops.psnr_db(result(i, number), picture(i), 4) for i in range(PICTURES)]
        rest = [27.2 + number * 0.1 + (12 * 27.2 - sum(shown) - 9 * 27.2) / 9] * (12 - PICTURES)
        modes = {"valid": mode(shown + rest, times), "test": mode(psnr, times)}
        claims = {"psnr_valid_db": 27.5, "runtime_ms": 5.0}
        one = record(model, modes=modes, params_m=0.2 - 0.04 * number)
        one.submission.claims = claims
        store.append(save, one)
        for i in range(PICTURES):
            for kind, image in ((model, result(i, number)), ("HR", picture(i)),
                                ("LR", cv2.resize(picture(i), (60, 50)))):  # fmt: skip
                target = save / "images" / kind / "valid" / f"{i:04d}.png"
                target.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(target), image)
    hostile = failed(
        "04_</script><script>document.title='broken'</script>", "worker: <img src=x onerror=alert(1)>"
    )
    store.append(save, hostile)
    assert (
        main(["build", "--save_dir", str(save), "--challenge", "esr2026", "--out", str(folder / "out")]) == 0
    )
    return folder / "out"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield one
        one.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page without network; the test fails on any console error, script error or request beyond the disk."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    one = context.new_page()
    problems: list[str] = []
    one.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    one.on("pageerror", lambda error: problems.append(str(error)))
    one.on(
        "request",
        lambda r: problems.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else None,
    )
    yield one
    context.close()
    assert problems == []


def open_page(page: Any, site: Path, name: str) -> None:
    page.goto((site / name).as_uri())


def models(page: Any) -> list[str]:
    return list(page.locator("#board tbody tr:visible td.name a").all_inner_texts())


@needs_chromium
def test_sort_filter_and_track(page: Any, site: Path) -> None:
    open_page(page, site, "index.html")
    by_score = models(page)
    assert by_score[0] == "01_Fast" and len(by_score) == 4
    page.get_by_role("button", name="Runtime").last.click()
    assert models(page) == ["01_Fast", "00_SPAN", "02_Small", "03_Slow"]
    page.get_by_role("button", name="Val PSNR").click()
    assert models(page)[0] == "03_Slow"  # the best PSNR comes first
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Val PSNR")
    page.get_by_role("button", name="Val PSNR").click()
    assert models(page)[0] == "00_SPAN"
    page.locator("[data-track=rank-params]").click()
    assert models(page) == ["03_Slow", "02_Small", "01_Fast", "00_SPAN"]
    assert page.locator("#board tbody td.rank").all_inner_texts() == ["1", "2", "3", "4"]
    page.get_by_label("Find").fill("slow")
    assert models(page) == ["03_Slow"]
    assert page.locator("#count").inner_text() == "1 of 4 ranked entries"
    page.reload()  # the address keeps what was chosen
    assert models(page) == ["03_Slow"] and page.get_by_label("Find").input_value() == "slow"
    page.get_by_label("Find").fill("")
    assert models(page) == ["03_Slow", "02_Small", "01_Fast", "00_SPAN"]
    flagged = page.locator("#board tr[data-flagged='1']").count()
    page.get_by_label("hide entries with doubts").check()
    assert len(models(page)) == 4 - flagged


@needs_chromium
def test_plots_open_a_team(page: Any, site: Path) -> None:
    open_page(page, site, "index.html")
    page.wait_for_selector(".plot .point")
    assert page.locator(".plot").count() == 3
    first = page.locator(".plot").first
    first.scroll_into_view_if_needed()
    box = first.locator(".scatterlayer .point").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector(".hoverlayer .hovertext")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url("**/team/*.html")
    assert page.get_by_role("heading", name="How firm is this rank?").is_visible()
    assert page.get_by_role("heading", name="Claimed and measured").is_visible()


def claims_site(folder: Path, *records: Any, more: tuple[str, ...] = ()) -> Path:
    for one in records:
        store.append(folder / "save", one)
    arguments = ["--save_dir", str(folder / "save"), "--challenge", "esr2026", "--out", str(folder / "out")]
    assert main(["build", *arguments, *more]) == 0
    return folder / "out"


def verdicts_of(page: str) -> dict[str, tuple[str, str]]:
    """Verdict and reason of each figure in a page's table of claims."""
    rows = [row.split("</tr>")[0] for row in page.split("<tr>") if '<span class="tag' in row]
    return {
        row.split('<th scope="row">')[1].split("<")[0]: (
            row.split('<span class="tag')[1].split(">")[1].split("<")[0],
            row.split("<td")[-1].split(">")[1].split("<")[0],
        )
        for row in rows
        if 'scope="row"' in row
    }


@pytest.mark.parametrize(
    ("device", "verdict", "reason"),
    [
        ("NVIDIA GeForce RTX 3090", "contradicted", "measured 6 ms, claimed 5 (+20%)"),
        ("NVIDIA H200", "not comparable", "claimed on RTX 3090, measured on NVIDIA H200"),
    ],
)
def test_claims_have_a_page_a_section_and_a_column(
    tmp_path: Path, device: str, verdict: str, reason: str
) -> None:
    one = record("01_A", ms=6, scored_by_challenge_data=False, device=device)
    one.submission.claims = {"psnr_valid_db": 26.9, "runtime_ms": 5.0, "params_m": 0.15, "device": "RTX 3090"}
    out = claims_site(tmp_path, one, record("02_B", device=device, scored_by_challenge_data=False))
    for name in ("team/01_A.html", "claims.html"):
        found = verdicts_of((out / name).read_text())
        assert found["Val PSNR [dB]"] == (
            "not comparable",
            "the challenge&#39;s valid images are not at hand: measured on DIV2K_LSDIR",
        )
        assert found["Runtime [ms]"][0] == verdict and found["Runtime [ms]"][1].startswith(reason)
        assert found["Parameters [M]"] == ("confirmed", "")
    assert "Without claims: 02_B" in (out / "claims.html").read_text()
    row = (out / "index.html").read_text().split("team/01_A.html")[1].split("</tr>")[0]
    assert 'title="confirmed: Parameters [M]">1 ✓' in row
    assert ("1 ✗" in row) is (verdict == "contradicted")


def test_dead_weight_stands_on_the_teams_page(tmp_path: Path) -> None:
    complexity = Complexity(params_m=2.237, deployed_params_m=0.426, counters={"unread": {"a<b": 1811000}})
    out = claims_site(tmp_path, record("01_A", complexity=complexity), record("02_B"))
    page = (out / "team" / "01_A.html").read_text()
    assert "0.426 M of 2.237 M parameters are read in a forward pass; never read: a&lt;b (1811000)" in page
    assert "Dead weight" not in (out / "team" / "02_B.html").read_text()


def test_without_claims_the_index_has_no_column_for_them(tmp_path: Path) -> None:
    out = claims_site(tmp_path, record("01_A"), record("00_SPAN"))
    assert "Claims</button>" not in (out / "index.html").read_text()
    assert "No entry claims a figure." in (out / "claims.html").read_text()


def test_a_build_takes_claims_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "claims.toml"
    file.write_text("[01_A]\nparams_m = 0.21\n")
    out = claims_site(tmp_path, record("01_A"), more=("--claims", str(file)))
    assert verdicts_of((out / "claims.html").read_text())["Parameters [M]"][0] == "contradicted"
    file.write_text("[07_X]\nparams_m = 0.2\n")
    arguments = ["--save_dir", str(tmp_path / "save"), "--challenge", "esr2026", "--claims", str(file)]
    assert main(["build", *arguments]) == 2
    assert "[07_X]: no submission of this id or name (there are: 01_A)" in capsys.readouterr().err


def test_no_score_is_shown_where_it_does_not_apply(tmp_path: Path) -> None:
    for one in (
        record("00_SPAN"),
        record("01_A"),
        record("03_C", dataset="mine", scored_by_challenge_data=False),
    ):
        store.append(tmp_path / "save", one)
    out = tmp_path / "out"
    main(["build", "--save_dir", str(tmp_path / "save"), "--challenge", "esr2026", "--out", str(out)])
    page = (out / "index.html").read_text()
    row = page[page.index("team/03_C.html") :]
    assert row[row.index("<td") :].startswith('<td data-v="" class="score">–</td>')


def test_figures_without_bounds_are_numbers_in_every_page(tmp_path: Path) -> None:
    """A score beyond the largest number sorts last in the page."""
    for one in (record("00_SPAN", ms=8), record("02_B", ms=9e4)):
        store.append(tmp_path / "save", one)
    out = tmp_path / "out"
    arguments = ["--save_dir", str(tmp_path / "save"), "--challenge", "esr2026", "--out", str(out)]
    assert main(["build", *arguments]) == 0
    page = (out / "index.html").read_text()
    assert page.count('data-v="Infinity"') == 1 and 'data-v="inf"' not in page


def test_the_rule_is_a_whole_sentence_with_and_without_thresholds() -> None:
    rules = load("esr2026").model_dump()
    rules["ranking"]["thresholds"][1]["decimals"] = "unrounded"
    text = rule_of(Challenge.model_validate(rules)).rule_text()
    assert text.endswith("reach 26.90 dB (valid, rounded to 2 decimals) and 26.99 dB (test, unrounded).")
    rules["ranking"]["thresholds"] = []
    text = rule_of(Challenge.model_validate(rules)).rule_text()
    assert "PSNR must reach" not in text and text.endswith("scores 7.389.")
    rules = load("esr2022").model_dump()
    rules["ranking"]["thresholds"] = []
    assert rule_of(Challenge.model_validate(rules)).rule_text() == "Ranked by runtime_ms."


def test_the_page_says_which_baseline_and_which_runtime_counts() -> None:
    text = index.reading(load("esr2026"))
    assert "same session" in text and "another session on the same machine" in text and "published" in text
    assert "median per image" in text and "median per image" in index.reading(load("esr2022"))


@needs_chromium
def test_plotly_is_read_only_when_a_plot_is_near(browser: Any, tmp_path: Path) -> None:
    for number in range(60):
        store.append(tmp_path / "save", record(f"{number:02d}_A", ms=10 + number))
    out = tmp_path / "out"
    main(["build", "--save_dir", str(tmp_path / "save"), "--challenge", "esr2026", "--out", str(out)])
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    open_page(page, out, "index.html")
    page.wait_for_timeout(300)
    assert page.evaluate("typeof window.Plotly") == "undefined"
    page.locator(".plot").first.scroll_into_view_if_needed()
    page.wait_for_selector(".plot .point")
    page.close()


@needs_chromium
def test_a_team_page_from_the_table(page: Any, site: Path) -> None:
    open_page(page, site, "index.html")
    page.get_by_role("link", name="02_Small").click()
    assert page.locator("h1").inner_text() == "02_Small"
    assert page.locator("svg.chart").count() == 2
    page.get_by_role("link", name="0011").first.click()
    assert page.locator("h1").inner_text() == "0011"


@needs_chromium
def test_the_slider_uncovers_and_the_zoom_steps(page: Any, site: Path) -> None:
    open_page(page, site, "compare.html")
    page.locator("#image").select_option(label="0000")
    page.wait_for_selector("#strip img")
    width = page.locator("#over").bounding_box()["width"]
    slider = page.locator("#slider")
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    assert page.locator("#over").bounding_box()["width"] > width * 1.3
    assert "%" in (slider.get_attribute("aria-valuetext") or "")
    stage = page.locator("#stage").bounding_box()
    page.mouse.move(stage["x"] + stage["width"] / 2, stage["y"] + 50)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] / 4, stage["y"] + 50)
    page.mouse.up()
    assert abs(int(slider.input_value()) - 25) <= 1
    page.get_by_role("button", name="Zoom in").click()
    assert page.locator("#stage").bounding_box()["width"] == pytest.approx(stage["width"] + crops.SIDE, abs=2)
    loaded = page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    assert loaded
    captions = page.locator("#strip figcaption").all_inner_texts()
    assert captions[0] == "LR" and "HR" in captions and sum("Error of" in text for text in captions) == 2


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "name", ["index.html", "compare.html", "images.html", "team/01_Fast.html", "image/valid-0001.html"]
)
def test_nothing_is_wider_than_a_phone(browser: Any, site: Path, name: str, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 812}, color_scheme=scheme, offline=True)
    page = context.new_page()
    open_page(page, site, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    context.close()


@needs_chromium
def test_the_theme_can_be_switched_and_is_kept(page: Any, site: Path) -> None:
    page.emulate_media(color_scheme="light")
    open_page(page, site, "index.html")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Dark theme").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    open_page(page, site, "images.html")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


@needs_chromium
def test_an_open_page_reloads_when_a_record_arrives(
    browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "POLL_SECONDS", 0.05)
    save_dir, out = tmp_path / "save", tmp_path / "out"
    out.mkdir()
    store.append(save_dir, record("01_A", device=A6000))
    serve.rebuild(save_dir, load("esr2026"), out)
    server = serve.Server(0, out)
    stop, told = threading.Event(), threading.Event()
    arguments = (save_dir, load("esr2026"), out, serve.state(save_dir), stop, lambda _: told.set())
    for target, its in ((server.serve_forever, ()), (serve.watch, arguments)):
        threading.Thread(target=target, args=its, daemon=True).start()
    page = browser.new_page()
    try:
        page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
        assert models(page) == ["01_A"]
        page.locator("[data-track=rank-params]").click()
        store.append(save_dir, record("02_B", ms=4, device=A6000))  # before the page asked for the first time
        assert told.wait(60)
        page.get_by_role("link", name="02_B").wait_for(timeout=60_000)
        assert models(page) == ["02_B", "01_A"]
        assert page.locator("[data-track=rank-params]").get_attribute("aria-pressed") == "true"
    finally:
        stop.set()
        page.close()
        server.shutdown()
        server.server_close()


@needs_chromium
def test_an_open_page_says_that_a_build_failed(browser: Any, tmp_path: Path) -> None:
    store.append(tmp_path / "save", record("01_A", device=A6000))
    out = tmp_path / "out"
    out.mkdir()
    serve.rebuild(tmp_path / "save", load("esr2026"), out)
    with serve.Server(0, out) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
        serve.told(ValueError("<b>bold</b>"), out)
        note = page.get_by_role("alert")
        note.wait_for(timeout=60_000)
        assert "not rebuilt: ValueError: <b>bold</b>" in note.inner_text()
        assert models(page) == ["01_A"]
        page.close()
        server.shutdown()


@needs_chromium
def test_text_has_enough_contrast_in_both_themes(browser: Any, site: Path) -> None:
    script = """() => {
      const value = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
      const names = ['--ink', '--soft', '--accent', '--good', '--warn', '--bad'];
      return names.map(name => [name, value(name), value('--paper')]);
    }"""
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme, offline=True)
        one = context.new_page()
        open_page(one, site, "index.html")
        for name, ink, paper in one.evaluate(script):
            assert contrast(ink, paper) >= 4.5, f"{name} in {scheme}"  # WCAG 2.1, 1.4.3
        context.close()


def contrast(first: str, second: str) -> float:
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, WCAG 2.1."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@needs_chromium
def test_a_hostile_name_is_text(page: Any, site: Path) -> None:
    open_page(page, site, "index.html")
    assert page.title() == "NTIRE 2026 Efficient Super-Resolution (x4)"
    assert "</script>" in page.locator(".board-below a").inner_text()


def kept(folder: Path, models: dict[str, np.ndarray], psnr: dict[str, float]) -> crops.PictureSource:
    """Pictures under `folder` as an evaluation keeps them; HR and LR are those of `picture(0)`."""
    for kind, image in {**models, "HR": picture(0), "LR": cv2.resize(picture(0), (60, 50))}.items():
        (folder / "images" / kind / "valid").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "images" / kind / "valid" / "x.png"), image)
    return crops.PictureSource(folder, "valid", "x", {key: (key, psnr[key]) for key in models}, 4, 4)


def test_crops_keep_their_promised_size(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    for kind in ("01_A", "HR"):
        (tmp_path / "images" / kind / "valid").mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "images" / kind / "valid" / "x.png"), noise)
    models = {"01_A": ("01_A", np.inf), "02_B": ("02_B", 30.0)}
    crop = crops.store_window(crops.PictureSource(tmp_path, "valid", "x", models, 4, 4), tmp_path / "out")
    assert crop == crops.Crop(["01_A"], hr=True, lr=False, refused=[])
    assert (tmp_path / "out" / "01_A.webp").stat().st_size <= crops.MAX_WEBP_BYTES
    # 100 entries and 200 images, HR and LR lossless (a raw window has 76.8 kB): below 300 MB
    assert (tmp_path / "out" / "_hr.webp").stat().st_size <= 80_000
    assert 200 * (100 * crops.MAX_WEBP_BYTES + 82_000) < 300e6


def test_hr_and_lr_windows_are_lossless_and_show_the_same_place(tmp_path: Path) -> None:
    crop = crops.store_window(kept(tmp_path, {"01_A": picture(0)}, {"01_A": np.inf}), tmp_path / "out")
    assert crop is not None and crop.hr and crop.lr
    top, left = crops.window(picture(0), 4)
    hr, lr = (np.array(cv2.imread(str(tmp_path / "out" / name))) for name in ("_hr.webp", "_lr.webp"))
    assert np.array_equal(hr, picture(0)[top : top + 160, left : left + 160])
    small = cv2.resize(picture(0), (60, 50))
    assert np.array_equal(lr, small[top // 4 : top // 4 + 40, left // 4 : left // 4 + 40])


def test_a_picture_of_another_evaluation_is_not_shown(tmp_path: Path) -> None:
    blurred = result(0, 1)
    psnr = crops.psnr_db(blurred, picture(0), 4)
    models = {"01_A": blurred, "02_Stale": blurred, "03_Size": blurred[:-4]}
    source = kept(tmp_path, models, {"01_A": psnr + 0.004, "02_Stale": psnr + 0.5, "03_Size": psnr})
    crop = crops.store_window(source, tmp_path / "out")
    assert crop is not None and crop.models == ["01_A"] and crop.refused == ["02_Stale", "03_Size"]
    assert not (tmp_path / "out" / "02_Stale.webp").exists()


def test_only_what_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = result(0, 1), result(0, 2)
    psnr = {"01_A": crops.psnr_db(first, picture(0), 4), "02_B": crops.psnr_db(second, picture(0), 4)}
    crops.store_window(kept(tmp_path, {"01_A": first}, psnr), tmp_path / "out")
    both = crops.PictureSource(tmp_path, "valid", "x", {key: (key, psnr[key]) for key in psnr}, 4, 4)
    (tmp_path / "images" / "02_B" / "valid").mkdir(parents=True)
    cv2.imwrite(str(both.path("02_B")), second)
    read: list[str] = []
    original = cv2.imread

    def counted(path: str, flag: int) -> Any:
        read.append(path)
        return original(path, flag)

    monkeypatch.setattr(cv2, "imread", counted)
    crop = crops.store_window(both, tmp_path / "out")
    assert crop is not None and crop.models == ["01_A", "02_B"]
    assert {Path(path).parts[-3] for path in read} == {"HR", "02_B"}
    read.clear()
    assert crops.store_window(both, tmp_path / "out") == crop and read == []
    cv2.imwrite(str(both.path("HR")), picture(1))  # other data of the same name: nobody's picture fits it
    crop = crops.store_window(both, tmp_path / "out")
    assert crop is not None and crop.models == [] and crop.refused == ["01_A", "02_B"]


def test_crops_of_images_that_are_no_longer_kept_are_removed(tmp_path: Path) -> None:
    for name in ("valid-0001", "valid-0002"):
        crops.store_window(kept(tmp_path, {"01_A": picture(0)}, {"01_A": np.inf}), tmp_path / "crops" / name)
    (tmp_path / "crops" / "mine").mkdir()
    crops.remove_others(tmp_path / "crops", {"valid-0002"})
    assert sorted(path.name for path in (tmp_path / "crops").iterdir()) == ["mine", "valid-0002"]


def test_the_window_is_where_reduction_loses_most() -> None:
    hr = np.zeros((400, 480, 3), np.uint8)
    hr[200:360, 240:400] = np.indices((160, 160)).sum(axis=0)[..., None] % 2 * 255
    assert crops.window(hr, 4) == (200, 240)
    assert crops.window(np.zeros((64, 64, 3), np.uint8), 4) == (0, 0)
