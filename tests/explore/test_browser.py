"""The page as a person meets it, in a real Chromium; `make browser` runs this."""

import re
import shutil
import urllib.error
import urllib.request

import pytest
from experiments.readme import explorer_browser as browsing

from dcgan_jax.explore import encoding, subject as subjects
from dcgan_jax.explore.config import ExploreConfig
from dcgan_jax.export import __main__ as export
from dcgan_jax.latent import arithmetic, exemplars, forget

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


@pytest.fixture
def page(url):
    with browsing.browse(url) as opened:
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
    page.reload()
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
    image = page.locator('#wall [data-number="0"] .image')
    before = image.evaluate("e => e.style.backgroundImage")
    width = image.bounding_box()["width"]
    browsing.set_slider(page, "wall-zoom", 4)
    page.wait_for_function(
        "width => document.querySelector('#wall .image').clientWidth === width",
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
        "before => document.querySelector('#wall .image').style.backgroundImage"
        " !== before",
        arg=before,
    )


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
    page.get_by_text("is no name for picks or boxes").first.wait_for()


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
