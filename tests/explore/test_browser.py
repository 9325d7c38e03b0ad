"""The page as a person meets it, in a real Chromium; `make browser` runs this."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from experiments.readme import explorer_browser as browsing
from experiments.readme.noise_generator import save_generator
from PIL import Image, ImageSequence

from dcgan_jax.explore import encoding, subject as subjects
from dcgan_jax.explore.config import ExploreConfig
from dcgan_jax.export import __main__ as export
from dcgan_jax.latent import arithmetic, exemplars, forget, latent_file

pytestmark = pytest.mark.browser
CONCEPTS = {"A": (3, 17, 40), "B": (5, 8, 9), "C": (1, 2, 4)}


@pytest.fixture(scope="module", autouse=True)
def chromium():
    pytest.importorskip("gradio", reason="pip install 'dcgan-jax[explore]'")
    pytest.importorskip("playwright", reason="pip install 'dcgan-jax[browser]'")
    if browsing.CHROMIUM is None:
        pytest.skip("needs chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def folder(tiny_run, tmp_path_factory):
    return shutil.copytree(tiny_run.workdir, tmp_path_factory.mktemp("seen") / "run")


@pytest.fixture(scope="module")
def url(folder):
    with browsing.serve(folder) as address:
        yield address


@pytest.fixture(scope="module")
def screens(request, tmp_path_factory):
    """The folder of the screenshots."""
    named = request.config.getoption("--screens", default=None)
    folder = Path(named) if named else tmp_path_factory.mktemp("screens")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def page(url):
    # With a seed, without the picks and boxes that other tests have saved.
    with browsing.browse(f"{url}/?seed=0") as opened:
        opened.locator('#wall [data-number="99"]').wait_for()
        yield opened
        assert opened.mistakes == []
        assert opened.outside == []


def test_clicks_make_a_sum_that_latent_arithmetic_draws_too(
    page, folder, run_command, tmp_path
):
    for letter, numbers in CONCEPTS.items():
        browsing.pick(page, letter, numbers)
    browsing.pick(page, "A", [50])
    groups = {"positive": (3, 17, 40, 50), "negative": (5, 8, 9), "add": (1, 2, 4)}
    subject = subjects.open_subject(ExploreConfig(str(folder)))
    generator = subject.number(0, None)
    drawn = exemplars.add_concepts(generator, groups, noise=0.25).picture
    page.wait_for_function(  # however many clicks came while others were drawn
        "url => document.querySelector('#sum img')?.src === url",
        arg=encoding.to_url(drawn),
    )
    page.locator("#save-picks").click()
    page.get_by_text("Saved.").wait_for()
    out = tmp_path / "sum.png"
    picks = folder / "picks.json"
    ended = run_command(arithmetic.main, folder, f"--picks={picks}", f"--out={out}")
    assert ended.code == 0, ended.err
    assert out.is_file()
    page.goto(page.url.split("?")[0])
    marked = page.locator('#wall [data-number="50"] [data-concept="A"]')
    marked.wait_for()  # saved picks are there again


def test_a_box_is_dragged_fitted_forgotten_and_read_by_latent_forget(
    page, folder, run_command, tmp_path
):
    browsing.open_tab(page, "forget")
    page.locator('#boxes-canvas [data-number="7"]').wait_for()
    for number in (0, 1, 7):
        browsing.drag_box(page, number, (0.25, 0.25, 0.5, 0.25))
    page.get_by_text("3 boxes on 3 samples").wait_for()
    page.locator('#boxes-canvas [data-number="1"] .box').click()
    page.get_by_text("2 boxes on 2 samples").wait_for()
    page.locator("#fit").click()
    all_dropped = browsing.source(page, "forget-after")
    assert all_dropped != browsing.source(page, "forget-before")
    browsing.set_slider(page, "dropped-slider", 0)
    none_dropped = browsing.wait_changed(page, "forget-after", all_dropped)
    assert none_dropped == browsing.source(page, "forget-before")
    page.locator("#save-boxes").click()
    page.get_by_text("Saved.").wait_for()
    ended = run_command(
        forget.main, folder, f"--boxes={folder / 'boxes.json'}",
        f"--out={tmp_path / 'forget.png'}",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "2 on 2 samples" in ended.out


def test_sliders_change_the_pictures_of_walk_and_turn(page):
    browsing.pick(page, "from", (10, 11))
    browsing.pick(page, "to", (20, 21))
    browsing.open_tab(page, "turn")
    still = browsing.source(page, "turn-picture")
    browsing.set_slider(page, "turn-slider", 1)
    browsing.wait_changed(page, "turn-picture", still)
    browsing.open_tab(page, "walk")
    start = browsing.source(page, "walk-picture")
    page.locator("#walk-slider input[type=range]").focus()
    page.keyboard.press("End")
    end = browsing.wait_changed(page, "walk-picture", start)
    page.locator("#walk-to input").fill("30")
    browsing.wait_changed(page, "walk-picture", end)


def test_seed_count_zoom_and_scores_change_the_wall(page):
    image = page.locator('#wall [data-number="0"] img')
    before = image.get_attribute("src")
    width = image.bounding_box()["width"]
    browsing.set_slider(page, "wall-zoom", 4)
    page.wait_for_function(
        "width => document.querySelector('#wall img').clientWidth === width",
        arg=2 * width,
    )
    page.locator("#scores input").click()
    page.wait_for_function(
        "/^0 · [01][.]\\d\\d$/.test("
        "document.querySelector('#wall .caption').textContent)"
    )
    page.locator("#wall-count input").fill("300")
    page.locator('#wall [data-number="299"]').wait_for()
    page.locator("#wall-seed input").fill("7")
    page.wait_for_function(
        "before => document.querySelector('#wall img')?.getAttribute('src') !== before",
        arg=before,
    )


def test_a_thousand_samples_are_there_in_a_second_and_block_no_frame(tmp_path):
    file = save_generator(tmp_path / "noise64.safetensors", image_size=64)
    with browsing.serve(file) as address, browsing.browse(address) as page:
        page.locator('#wall [data-number="99"]').wait_for()
        browsing.show_samples(page, 1000)  # the generator draws them
        found = []
        for _ in range(8):  # other programs may take the machine's time
            browsing.show_samples(page, 1)
            found.append(browsing.show_samples(page, 1000))
        assert min(one["seconds"] for one in found) < 1
        assert min(one["longest"] for one in found) <= 0.1


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(390, 844), (1366, 768), (1920, 1080)])
def test_every_tab_can_be_read_and_fits_the_screen(mode, width, height, url, screens):
    asked = "picks=A3.17.40~B5.8.9~C1.2.4~from10.11~to20.21&seed=0"
    address = f"{url}/?__theme={mode}&{asked}"
    with browsing.browse(address, width=width, height=height) as page:
        page.locator("#sum img").wait_for()
        for tab in ("own", "start", "walk", "turn", "forget", "training", "wall"):
            browsing.open_tab(page, tab)
            if tab not in ("own", "start"):
                page.locator(f"#tab-{tab} img").last.wait_for(state="attached")
            page.wait_for_timeout(500)
            page.screenshot(path=screens / f"{tab}-{mode}-{width}.png", full_page=True)
            assert browsing.find_pale(page) == []
            assert browsing.find_wide(page) == []
        total, wall = (page.locator(f"#{name}").bounding_box()
                       for name in ("sum", "wall"))  # fmt: skip
        if width == 390:
            assert page.locator("#concept").bounding_box()["y"] < total["y"]
            assert total["y"] + total["height"] <= wall["y"]
            browsing.open_tab(page, "training")
            curves = page.locator("#curves img").bounding_box()
            assert curves["height"] > 1.5 * curves["width"]  # one below the other
        else:
            page.evaluate("scrollTo(0, 0)")
            result = page.locator("#sum img").bounding_box()
            assert result["y"] + result["height"] <= height


def test_the_wall_is_used_by_keys(page):
    page.locator('#wall [data-number="0"]').focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    chosen = page.locator("#wall .cell:focus")
    assert chosen.get_attribute("data-number") == "1"
    assert chosen.get_attribute("aria-pressed") == "false"
    page.keyboard.press("Enter")
    assert chosen.get_attribute("aria-pressed") == "true"
    page.locator("#picks").get_by_text("A 1").wait_for()
    page.keyboard.press("Enter")
    assert chosen.get_attribute("aria-pressed") == "false"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.cells')") is None
    page.keyboard.press("Shift+Tab")
    assert chosen.get_attribute("data-number") == "1"


def test_a_box_is_drawn_by_keys(page):
    browsing.open_tab(page, "forget")
    page.locator('#boxes-canvas [data-number="2"]').focus()
    for key in ("Enter", "ArrowLeft", "ArrowDown", "Shift+ArrowRight", "Enter"):
        page.keyboard.press(key)
    page.get_by_text("1 boxes on 1 samples").wait_for()
    sides = page.locator('#boxes-canvas [data-number="2"] .box').evaluate(
        "box => ['left', 'top', 'width', 'height'].map(n => parseFloat(box.style[n]))"
    )
    zoom = 96 // 32
    assert [side / zoom for side in sides] == [7, 9, 17, 16]
    page.keyboard.press("Delete")
    page.get_by_text("No box yet").wait_for()


def test_what_is_shown_survives_a_reload_and_another_seed(page):
    browsing.pick(page, "A", (3, 17))
    page.wait_for_function("() => location.search.includes('picks=A3.17')")
    page.locator("#wall-seed input").fill("7")
    page.wait_for_function("() => location.search.includes('seed=7')")
    page.locator('#wall img[src*="/7/"]').first.wait_for()
    browsing.pick(page, "B", (4,))
    page.wait_for_function("() => location.search.includes('picks=B4')")
    browsing.open_tab(page, "walk")
    page.reload()
    page.locator("#walk-picture img").wait_for()  # of the tab that was open
    browsing.open_tab(page, "wall")
    page.locator('#wall [data-number="4"] [data-concept="B"]').wait_for()
    assert page.locator("#wall-seed input").input_value() == "7"
    page.locator("#wall-seed input").fill("0")
    for number in (3, 17):
        page.locator(f'#wall [data-number="{number}"] [data-concept="A"]').wait_for()
    assert page.locator('#wall [data-concept="B"]').count() == 0


def test_a_second_click_takes_a_sample_out_and_concepts_may_share_one(page):
    browsing.pick(page, "A", (3, 17))
    page.wait_for_function("() => location.search.includes('picks=A3.17')")
    page.locator('#wall [data-number="3"]').click()
    page.wait_for_function("() => location.search.includes('picks=A17')")
    browsing.pick(page, "C", (17,))
    page.wait_for_function("() => location.search.includes('picks=A17~C17')")


def test_picks_of_one_seed_never_become_those_of_another(page):
    browsing.pick(page, "A", (3, 17))
    page.wait_for_function("() => location.search.includes('picks=A3.17')")
    page.locator("#wall-seed input").fill("7")
    page.locator('#wall [data-number="4"]').click()  # perhaps before the wall changes
    page.locator('#wall img[src*="/7/"]').first.wait_for()
    page.wait_for_function("() => location.search.includes('seed=7')")
    browsing.pick(page, "B", (5,))
    page.wait_for_function("() => location.search.includes('B5')")
    assert "picks=A3" not in page.url


def test_a_click_saves_a_sample_the_wall_the_sum_and_a_walk(page, subject_of_folder):
    for letter, numbers in CONCEPTS.items():
        browsing.pick(page, letter, numbers)
    page.locator('#wall [data-number="5"]').focus()
    generator = subject_of_folder.number(0, None)
    images = generator.draw(generator.latents(100))
    assert np.array_equal(save(page, "save-sample")[0], images[5, ..., 0])
    assert save(page, "save-wall")[0].shape == (2 * 338, 2 * 338)
    drawn = exemplars.add_concepts(
        generator, {"positive": CONCEPTS["A"], "negative": CONCEPTS["B"],
                    "add": CONCEPTS["C"]}, noise=0.25,
    ).picture  # fmt: skip
    assert np.array_equal(np.atleast_3d(save(page, "save-sum")[0]), drawn)


def test_walk_and_film_are_saved_as_gif_and_mp4_that_play(page, folder):
    grids = folder / "samples"  # and one of real images
    for step in (30, 40):
        shutil.copy(next(grids.glob("*.png")), grids / f"step_{step:08d}.png")
    films = {"walk": 64, "film": len(list(grids.glob("step_*.png")))}
    for name, num_frames in films.items():
        browsing.open_tab(page, "training" if name == "film" else name)
        frames = save(page, f"save-{name}-gif")
        assert len(frames) == num_frames
        assert min(frames[0].shape[:2]) >= 512
        link = page.locator(f"#save-{name}-mp4")
        if importlib.util.find_spec("imageio_ffmpeg") is None:
            assert link.get_attribute("aria-disabled") == "true"
            assert "pip install imageio-ffmpeg" in link.get_attribute("title")
            continue
        with page.expect_download() as waiting:
            link.click()
        height, width = frames[0].shape[:2]
        moving = read_mp4(waiting.value.path(), height=height, width=width)
        assert len(moving) == num_frames
        for one, other in zip(moving, frames, strict=True):
            assert np.abs(one[:height, :width].astype(float) - other).mean() < 8


def read_mp4(path, *, height, width):
    """Return the frames of an H.264 film, whose sides are even."""
    import imageio_ffmpeg

    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error"]
    form = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    told = subprocess.run([*program, "-c:v", "h264", "-i", path, *form],
                          capture_output=True, check=True)  # fmt: skip
    assert not told.stderr
    sides = height + height % 2, width + width % 2
    return np.frombuffer(told.stdout, np.uint8).reshape(-1, *sides, 3)


def save(page, elem_id):
    """Click a link and return the frames of what it has saved."""
    with page.expect_download() as waiting:
        page.locator(f"#{elem_id}").click()
    with Image.open(waiting.value.path()) as picture:
        if picture.format == "GIF":
            frames = ImageSequence.Iterator(picture)
            return [np.asarray(frame.convert("RGB")) for frame in frames]
        return [np.asarray(picture)]


@pytest.fixture(scope="module")
def subject_of_folder(folder):
    return subjects.open_subject(ExploreConfig(str(folder)))


def test_an_empty_field_is_refused_by_its_name(page):
    for field, name in (("wall-count", "Samples"), ("wall-seed", "Seed")):
        page.locator(f"#{field} input").fill("")
        told = page.locator("#error").get_by_text(f"{name}: nothing was given")
        told.wait_for()
        page.locator(f"#{field} input").fill("1")
        told.wait_for(state="detached")


def test_a_page_waits_for_the_first_checkpoint_and_follows_the_next(folder, tmp_path):
    young = tmp_path / "runs" / "young"
    shutil.copytree(folder, young, ignore=shutil.ignore_patterns("step_*"))
    shutil.copytree(folder, tmp_path / "runs" / "other")
    kept = folder / "checkpoints"
    with browsing.serve(young) as address, browsing.browse(address) as page:
        page.locator("#heading").get_by_text("no checkpoint yet").wait_for()
        shutil.copytree(kept / "step_00000010", tmp_path / "moved")
        (tmp_path / "moved").rename(young / "checkpoints" / "step_00000010")
        page.locator("#heading").get_by_text("step 10").wait_for()
        page.locator('#wall [data-number="99"]').wait_for()
        page.locator("#follow input").click()
        shutil.copytree(kept / "step_00000020", tmp_path / "moved")
        (tmp_path / "moved").rename(young / "checkpoints" / "step_00000020")
        before = page.locator("#wall img").first.get_attribute("src")
        page.wait_for_timeout(4000)
        assert page.locator("#wall img").first.get_attribute("src") == before
        page.locator("#follow input").click()
        page.locator("#heading").get_by_text("step 20").wait_for()
        page.get_by_text("Another generator beside it").click()
        choose(page, "beside-run", "other")
        pair = page.locator('#wall [data-number="0"] img')
        pair.nth(1).wait_for()
        choose(page, "choose-step", "10")
        page.locator("#heading").get_by_text("step 10").wait_for()
        page.wait_for_function(
            "before => document.querySelector('#wall img')?.getAttribute('src')"
            " === before",
            arg=before,
        )
        assert page.mistakes == []


def test_a_picture_is_turned_into_a_sample(page, folder, tmp_path):
    Image.new("RGB", (40, 50), "white").save(tmp_path / "me.png")
    browsing.open_tab(page, "own")
    page.locator("#own-start").click()
    page.locator("#error").get_by_text("Picture: nothing was given").wait_for()
    page.locator("#own-file input[type=file]").set_input_files(tmp_path / "me.png")
    page.locator("#own-file").get_by_text("me.png").wait_for()
    page.locator("#own-steps input").fill("30")
    page.locator("#own-start").click()
    page.locator("#own-note").get_by_text("“own 1” on the wall").wait_for()
    assert latent_file.read_latent(folder / "own-1.json").image == "me.png"
    browsing.open_tab(page, "wall")
    own = page.locator('#wall [data-number="100000"]')
    own.wait_for()
    own.click()
    page.locator("#picks").get_by_text("A own 1").wait_for()
    browsing.pick(page, "B", (1,))
    browsing.pick(page, "C", (2,))
    page.locator("#sum img").wait_for()
    page.locator("#save-picks").click()
    page.locator("#error").get_by_text("is a picture of your own").wait_for()


def test_a_training_begins_and_ends_on_the_page(folder, tmp_path, monkeypatch):
    shutil.copytree(folder, tmp_path / "runs" / "tiny")
    (tmp_path / "pictures").mkdir()
    for number in range(12):
        grey = Image.effect_noise((32, 32), 20 * number)
        grey.save(tmp_path / "pictures" / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    with browsing.serve("runs/tiny") as address, browsing.browse(address) as page:
        browsing.open_tab(page, "start")
        page.locator("#start-train").click()
        page.locator("#error").get_by_text("Folder: nothing was given").wait_for()
        for field, text in (("source", "pictures"), ("name", "fresh")):
            page.locator(f"#start-{field}").locator("input, textarea").first.fill(text)
        page.locator("#start-steps input").fill("100000")
        page.locator("#start-train").click()
        page.locator("#heading").get_by_text("runs/fresh").wait_for()
        page.locator("#stop-train").click()
        page.locator("#start-note").get_by_text("goes on from where it was").wait_for()
        assert page.mistakes == []
    assert (tmp_path / "runs" / "fresh" / "config.json").is_file()


def test_dropped_pictures_are_trained_on_beside_an_exported_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pictures = [tmp_path / f"{number}.png" for number in range(70)]
    for number, path in enumerate(pictures):
        Image.effect_noise((32, 32), 3 * number).convert("RGB").save(path)
    file = save_generator(tmp_path / "noise.safetensors", image_size=32)
    with browsing.serve(file) as address, browsing.browse(address) as page:
        page.locator('#wall [data-number="99"]').wait_for()
        assert page.locator("#tab-training-button").count() == 0
        browsing.open_tab(page, "start")
        page.locator("#start-files input[type=file]").set_input_files(pictures)
        page.locator("#start-files").get_by_text("69").wait_for()
        page.locator("#start-preset input").click()
        page.get_by_role("option", name="digits", exact=True).click()
        page.locator("#start-steps input").fill("100000")
        page.locator("#start-train").click()
        page.locator("#heading").get_by_text("runs/mine").wait_for()
        browsing.open_tab(page, "training")  # which there was not before
        page.locator("#training-note").get_by_text("Step").wait_for()
        choose(page, "choose-run", "noise.safetensors")
        page.locator("#heading").get_by_text("noise.safetensors").wait_for()
        page.wait_for_timeout(4000)  # the page stays where a person has led it
        assert page.locator("#heading").get_by_text("noise.safetensors").count() == 1
        browsing.open_tab(page, "start")
        page.locator("#stop-train").click()
        page.locator("#start-note").get_by_text("goes on from where it was").wait_for()
        assert page.mistakes == []
    config = json.loads((tmp_path / "runs" / "mine" / "config.json").read_text())
    assert (config["preset"], config["channels"]) == ("digits", 1)
    assert len(list((tmp_path / "runs" / "mine-pictures").iterdir())) == 70
    assert list((tmp_path / "runs" / "mine" / "checkpoints").iterdir())


def test_without_a_public_link_a_line_says_so_and_the_page_is_there(folder):
    port = browsing.find_port()
    nowhere = f"http://127.0.0.1:{browsing.find_port()}"
    proxies = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"), nowhere)
    home = {"HF_HOME": str(folder), "NO_PROXY": "127.0.0.1"}  # no program from before
    process = subprocess.Popen(
        [sys.executable, "-m", "dcgan_jax.explore", str(folder), f"--port={port}",
         "--share"],
        env={**os.environ, **proxies, **home}, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with process:
        try:
            lines = [process.stdout.readline() for _ in range(3)]
            begun, warning, address = lines
            assert "public link …" in begun
            assert warning.startswith("warning: --share: there is no public link (")
            assert address.startswith(f"http://127.0.0.1:{port}  ")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
                assert answer.status == 200
        finally:
            process.terminate()


def test_a_class_is_chosen_by_its_name(named):
    with browsing.serve(named.name) as address, browsing.browse(address) as page:
        page.locator('#wall img[src*="/0/0/"]').first.wait_for()
        choose(page, "wall-label", "red fox")
        page.locator('#wall img[src*="/0/9/"]').first.wait_for()
        page.wait_for_function("() => location.search.includes('label=9')")
        for letter, number in (("A", 3), ("B", 5), ("C", 1)):
            browsing.pick(page, letter, (number,))
        foxes = named.number(0, 9)
        groups = {"positive": (3,), "negative": (5,), "add": (1,)}
        drawn = exemplars.add_concepts(foxes, groups, noise=0.25).picture
        page.wait_for_function(
            "url => document.querySelector('#sum img')?.src === url",
            arg=encoding.to_url(drawn),
        )
        page.reload()
        page.locator('#wall img[src*="/0/9/"]').first.wait_for()
        assert page.locator("#wall-label input").input_value() == "red fox"
        assert page.mistakes == []


def test_a_read_only_page_writes_and_starts_nothing(folder):
    serving = browsing.serve(folder, ["--read_only"])
    with serving as address, browsing.browse(address) as page:
        page.locator('#wall [data-number="99"]').wait_for()
        assert page.locator("#tab-start-button").count() == 0
        page.locator("#picks-file").locator("input, textarea").first.fill("new.json")
        page.locator("#save-picks").click()
        page.locator("#error").get_by_text("--read_only").wait_for()
    assert not (folder / "new.json").exists()


def choose(page, elem_id, ending):
    """Choose the entry of a list that ends so."""
    page.locator(f"#{elem_id} input").click()
    page.get_by_role("option").filter(has_text=re.compile(f"{ending}$")).click()


def test_the_log_and_the_film_are_followed(page, folder):
    browsing.open_tab(page, "training")
    before = browsing.source(page, "curves")
    with (folder / "metrics.jsonl").open("a") as log:
        row = (folder / "metrics.jsonl").read_text().splitlines()[-1]
        log.write(re.sub(r'"step": [0-9.]+', '"step": 30', row) + "\n")
    grid = next((folder / "samples").glob("*.png"))
    for step in (30, 40):
        shutil.copy(grid, folder / "samples" / f"step_{step:08d}.png")
    browsing.wait_changed(page, "curves", before)
    page.locator('#film img[data-step="40"]').wait_for()
    page.locator("#film-slider").focus()
    page.keyboard.press("Home")
    page.locator('#film img:not([data-step="40"])').wait_for()


@pytest.mark.parametrize("name", ["../picks.json", "config.json", "/etc/passwd"])
def test_a_file_outside_of_the_run_is_refused_on_the_page(name, page):
    page.locator("#picks-file input, #picks-file textarea").fill(name)
    page.locator("#load-picks").click()
    told = page.locator("#error").get_by_text("File of picks: ")
    told.wait_for()
    assert "is no name for picks or boxes" in told.inner_text()
    page.wait_for_timeout(11_000 if name == "config.json" else 0)
    assert told.is_visible()  # until it is put right
    page.locator("#picks-file input, #picks-file textarea").fill("picks.json")
    page.locator("#save-picks").click()
    page.locator("#error").get_by_text("each group needs a sample").wait_for()


def test_the_server_gives_out_no_file(url, folder):
    for path in (folder / "config.json", __file__, "/etc/hosts"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{url}/gradio_api/file={path}")
        assert refused.value.code == 403
        refused.value.close()


def test_an_exported_generator_is_explored_without_scores(
    folder, run_command, tmp_path
):
    file = tmp_path / "digits.safetensors"
    assert run_command(export.main, folder, f"--out={file}").code == 0
    with browsing.serve(file) as address, browsing.browse(address) as page:
        page.locator('#wall [data-number="99"]').wait_for()
        page.get_by_text("without a discriminator").wait_for()
        assert page.locator("#scores input").is_disabled()
        assert page.locator("#tab-training-button").count() == 0
