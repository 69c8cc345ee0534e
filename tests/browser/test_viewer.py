"""The page in a real browser: what is seen is what the file holds, where it says it is, with no network but loopback."""

import functools
import http.server
import json
import re
import threading
from urllib.parse import urlsplit

import numpy as np
import pytest
import rasterio
from PIL import Image
from pyproj import CRS, Transformer

import gigascene
from browser.chromium import PROGRAM, chromium
from gigascene.api.view import export_view, view
from gigascene.serve.place import place
from serve.pictures import cog, geotiff, needs_openseadragon
from serve.test_place import PLACES

pytestmark = [
    pytest.mark.slow,
    needs_openseadragon,
    pytest.mark.skipif(PROGRAM is None, reason="no chromium here: apt-get install chromium"),
]
SIZE = (1000, 700)
MIDDLE = (500, 350)
ITEMS = "[...Array(viewer.world.getItemCount()).keys()].map((i) => viewer.world.getItemAt(i))"
LOADED = f"viewer.isOpen() && {ITEMS}.every((item) => item.getFullyLoaded())"
CENTER = "viewer.world.getItemAt(0).viewportToImageCoordinates(viewer.viewport.getCenter(true))"
AT_REST = "!viewer.isAnimating() && !viewer.world.needsDraw()"


@pytest.fixture(scope="session")
def pictures(scene, tmp_path_factory):
    """A folder of pictures of one simulated Landsat scene."""
    folder = tmp_path_factory.mktemp("pictures")
    gigascene.compose("true-color", scene, folder / "true.tif")
    gigascene.compose("swir2nirg", scene, folder / "ice.tif")
    gigascene.compose("true-color", scene, folder / "deep.tif", depth=16)
    gigascene.compose("pan-sharpened", scene, folder / "sharp.tif")
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile"), SIZE) as page:
        yield page


@pytest.fixture
def page(browser):
    """The browser's one page; nothing may go wrong in it unseen, and nothing be fetched from elsewhere."""
    browser.open("about:blank")
    browser.resize(*SIZE)
    browser.requested.clear()
    browser.complaints.clear()
    yield browser
    browser.ask("1")  # what was said meanwhile
    assert browser.complaints == []
    assert {urlsplit(url).hostname for url in browser.requested} <= {"127.0.0.1", None}
    assert {urlsplit(url).scheme for url in browser.requested} <= {"http", "data", "blob", "file"}


def shown(page, url, place=""):
    """Open a page (at #column,row,zoom) and wait until all of it is there."""
    page.open("about:blank")  # else another place would be a jump within the page
    page.open(f"{url}{place}")
    page.until(f"{LOADED} && {AT_REST}")


def read(page, name):
    """What stands at the bottom."""
    return page.ask(f"document.getElementById('{name}').value")


def pixels(page, path):
    """What is seen, (y, x, 3)."""
    with Image.open(page.screenshot(path)) as image:
        return np.asarray(image.convert("RGB"))


def stored(path):
    with rasterio.open(path) as file:
        return np.moveaxis(file.read(), 0, -1), file.transform, file.crs


def valid_place(levels):
    """Row and column of a pixel with valid neighbours, off the middle of any tile."""
    rows, columns = np.nonzero((levels != 0).all(-1))
    middle = np.hypot(rows - levels.shape[0] * 0.55, columns - levels.shape[1] * 0.52).argmin()
    return int(rows[middle]), int(columns[middle])


def test_the_whole_picture(page, pictures, tmp_path):
    with view(pictures / "true.tif") as viewer:
        shown(page, viewer.url)
        seen = pixels(page, tmp_path / "whole.png")
    assert page.ask("document.title").startswith("True colour")
    assert "UTM zone 26N (EPSG:32626)" in page.ask("document.querySelector('.card p').textContent")
    assert seen[100:600, 300:700].std() > 20
    assert (seen[350, 5] < 25).all()
    box = page.ask(
        "(() => { const r = document.getElementById('map').getBoundingClientRect(); return [r.width, r.height] })()"
    )
    assert box[0] / box[1] == pytest.approx(1100 / 1500, rel=0.02)


def test_single_pixels_are_exact_squares(page, pictures, tmp_path):
    levels, _, _ = stored(pictures / "true.tif")
    row, column = valid_place(levels)
    with view(pictures / "true.tif") as viewer:
        shown(page, viewer.url, f"#{column + 0.5},{row + 0.5},20")
        seen = pixels(page, tmp_path / "squares.png")
    for down in range(-6, 7):
        for across in range(-9, 10):
            x, y = MIDDLE[0] + 20 * across, MIDDLE[1] + 20 * down
            square = seen[y - 9 : y + 9, x - 9 : x + 9]
            assert (square == levels[row + down, column + across]).all(), (down, across)


@pytest.mark.parametrize("aside", [0, 0.3, 0.5, 0.77])
def test_at_100_percent_the_screen_is_the_file(page, pictures, tmp_path, aside):
    """Across the borders of tiles too, wherever the view stands."""
    levels, _, _ = stored(pictures / "true.tif")
    with view(pictures / "true.tif") as viewer:
        shown(page, viewer.url, f"#{600 + aside},{800 + aside},1")
        seen = pixels(page, tmp_path / "exact.png")[100:600, 300:800]
    left, top = 600 - (MIDDLE[0] - 300) + round(aside), 800 - (MIDDLE[1] - 100) + round(aside)
    nearest = [levels[top + i : top + i + 500, left + i : left + i + 500] for i in (0, 1)]
    assert any((seen == part).all() for part in nearest[: 1 if aside != 0.5 else 2])


@pytest.mark.parametrize("zoom", [1, 1.5, 3, 8])
def test_canvas_holds_the_numbers_of_the_file(page, pictures, zoom):
    levels, _, _ = stored(pictures / "true.tif")
    row, column = valid_place(levels)
    with view(pictures / "true.tif") as viewer:
        half = 0 if zoom == 1 else 0.5  # the middle of the page is a corner of the screen's pixels
        shown(page, viewer.url, f"#{column + half},{row + half},{zoom}")
        got = page.ask(f"[...viewer.drawer.canvas.getContext('2d').getImageData({MIDDLE[0]}, {MIDDLE[1]}, 1, 1).data]")
    assert got == [*levels[row, column].tolist(), 255]


@pytest.mark.parametrize("ratio", [1.5, 2])
def test_fine_screens(page, pictures, tmp_path, ratio):
    levels, _, _ = stored(pictures / "true.tif")
    row, column = valid_place(levels)
    page.resize(*SIZE, ratio)
    with view(pictures / "true.tif") as viewer:
        shown(page, viewer.url, f"#{column + 0.5},{row + 0.5},24")
        seen = pixels(page, tmp_path / "fine.png")
        assert read(page, "zoom") == "2,400 %"
    middle = seen.shape[0] // 2, seen.shape[1] // 2
    assert (seen[middle[0] - 10 : middle[0] + 10, middle[1] - 10 : middle[1] + 10] == levels[row, column]).all()
    assert (seen[middle[0], middle[1] + 24] == levels[row, column + 1]).all()


def test_reading(page, pictures):
    levels, affine, crs = stored(pictures / "true.tif")
    to_degrees = Transformer.from_crs(crs.to_wkt(), "OGC:CRS84", always_xy=True)
    row, column = valid_place(levels)
    with view(pictures / "true.tif") as viewer:
        for zoom, across in ((1, 0), (1, 37), (10, -23)):
            half = 0 if zoom == 1 else 0.5
            shown(page, viewer.url, f"#{column + half},{row + half},{zoom}")
            page.mouse("mouseMoved", MIDDLE[0] + zoom * across, MIDDLE[1])
            at = column + across
            assert read(page, "pixel") == f"{at:,}, {row:,} px"
            x, y = affine @ (at + 0.5, row + 0.5)
            assert read(page, "projected") == f"{x:,.0f}  {y:,.0f} m"
            lon, lat = to_degrees.transform(x, y)
            got = re.fullmatch(r"([\d.]+)° N  ([\d.]+)° W", read(page, "lonlat"))
            assert float(got[1]) == pytest.approx(lat, abs=1.1e-5)
            assert float(got[2]) == pytest.approx(-lon, abs=1.1e-5)
            wanted = levels[row, at]
            words = "R {}  G {}  B {}".format(*wanted) if wanted.any() else "no data"
            page.until(f"document.getElementById('value').value === '{words}'")
        page.mouse("mouseMoved", MIDDLE[0], SIZE[1] - 5)
        page.ask("viewer.element.dispatchEvent(new PointerEvent('pointerleave'))")
        assert read(page, "pixel") == read(page, "value") == ""


@pytest.mark.parametrize("name", PLACES)
def test_coordinates_anywhere(page, pictures, name):
    """The page's sums are those of `Nodes.at`, which tests/serve compares with pyproj."""
    affine, code, shape = PLACES[name]
    found = place(affine, CRS.from_epsg(code), shape)
    facts = json.dumps({"width": shape[1], "height": shape[0], "place": found.to_json()})
    down, across = np.random.default_rng(3).uniform(0, 1, (2, 40))
    with view(pictures / "true.tif") as viewer:
        shown(page, viewer.url)
        places = json.dumps(np.stack([across * shape[1], down * shape[0]], axis=-1).tolist())
        got = page.ask(f"(() => {{ const p = {facts}; return {places}.map(([x, y]) => lonLat(p, x, y)) }})()")
    np.testing.assert_allclose(np.transpose(got), np.stack(found.nodes.at(down, across)), rtol=0, atol=1e-7)


def test_no_data_and_outside(page, pictures):
    levels, _, _ = stored(pictures / "true.tif")
    assert not levels[3, 3].any()
    with view(pictures / "true.tif") as viewer:
        shown(page, viewer.url, "#3.5,3.5,10")
        page.mouse("mouseMoved", *MIDDLE)
        page.until("document.getElementById('value').value === 'no data'")
        page.mouse("mouseMoved", MIDDLE[0] - 100, MIDDLE[1])
        assert read(page, "pixel") == ""


def test_sixteen_bits_are_read_whole(page, pictures):
    levels, _, _ = stored(pictures / "deep.tif")
    row, column = valid_place(levels)
    assert levels.max() > 255
    with view(pictures / "deep.tif") as viewer:
        shown(page, viewer.url, f"#{column + 0.5},{row + 0.5},10")
        page.mouse("mouseMoved", *MIDDLE)
        words = "R {}  G {}  B {}".format(*levels[row, column])
        page.until(f"document.getElementById('value').value === '{words}'")


def test_scale_bar(page, pictures):
    with view(pictures / "true.tif") as viewer:
        for zoom, most_m in ((0.5, 7800), (1, 3900), (4, 975)):
            shown(page, viewer.url, f"#550,750,{zoom}")
            text, width = page.ask(
                "(() => { const s = document.getElementById('scale'); return [s.innerText.trim(), s.lastElementChild.offsetWidth] })()"
            )
            number, unit = text.split()
            metres = float(number.replace(",", "")) * {"km": 1000, "m": 1}[unit]
            assert most_m / 2.5 <= metres <= most_m
            assert metres / width == pytest.approx(30 / zoom, rel=0.02)


def test_keys_wheel_drag_and_buttons(page, pictures):
    with view(pictures / "true.tif") as viewer:
        shown(page, viewer.url)
        whole = page.ask("viewer.viewport.getZoom()")

        def zoom():
            return page.ask("viewer.viewport.getZoom()") / whole

        page.press("+")
        assert zoom() == pytest.approx(2)
        page.press("-")
        assert zoom() == pytest.approx(1)
        page.mouse("mouseWheel", *MIDDLE, deltaX=0, deltaY=-120)
        page.until(f"viewer.viewport.getZoom() > {1.1 * whole}")
        page.press("1")
        page.until(f"{AT_REST} && document.getElementById('zoom').value === '100 %'")
        before = page.ask(f"{CENTER}.x")
        page.press("ArrowRight")
        page.until(f"{AT_REST} && Math.abs({CENTER}.x - {before} - 120) < 1")
        page.drag(MIDDLE, (MIDDLE[0] + 80, MIDDLE[1]))
        page.until(f"{AT_REST} && {CENTER}.x < {before} + 60")
        assert page.ask("location.hash").endswith(",1")
        page.press("0")
        page.until(f"{AT_REST} && Math.abs(viewer.viewport.getZoom() / {whole} - 1) < 1e-6")
        page.ask("document.getElementById('single').click()")
        page.until("document.getElementById('zoom').value === '100 %'")
        page.press("?")
        assert page.ask("document.getElementById('help').checkVisibility()")
        page.press("r")
        page.press("m")
        assert page.ask("viewer.viewport.getRotation()") == 0
        assert not page.ask("document.getElementById('map').checkVisibility({ visibilityProperty: true })")


def test_the_address_keeps_the_place(page, pictures):
    with view(pictures / "true.tif") as viewer:
        shown(page, viewer.url, "#600.5,700.5,4")
        assert page.ask(f"{CENTER}.x") == pytest.approx(600.5, abs=0.01)
        page.ask("location.hash = '#300.5,400.5,2'")
        page.until(f"Math.abs({CENTER}.y - 400.5) < 0.01")
        for nonsense in ("#", "#1,2", "#a,b,c", "#1,2,-3", "#1,2,Infinity"):
            shown(page, viewer.url, nonsense)
            assert page.ask("viewer.viewport.getZoom()") > 0


def test_swipe(page, pictures, tmp_path):
    first, second = (stored(pictures / f"{name}.tif")[0] for name in ("true", "ice"))
    row, column = valid_place(first)
    with view(pictures / "true.tif", pictures / "ice.tif") as viewer:
        shown(page, viewer.url, f"#{column + 0.5},{row + 0.5},20")

        def both(share):
            """Every square left of the border is the first picture's, every one right of it the second's."""
            seen, border = pixels(page, tmp_path / f"swipe-{share}.png"), share * SIZE[0]
            for across in range(-15, 12):
                x = MIDDLE[0] + 20 * across
                if abs(x - border) > 30:
                    wanted = first if x < border else second
                    assert (seen[MIDDLE[1] - 80, x] == wanted[row - 4, column + across]).all(), (share, across)

        both(0.5)
        page.drag(MIDDLE, (300, 350))
        both(0.3)
        page.mouse("mouseMoved", 320, 270)
        words = "R {}  G {}  B {}".format(*second[row - 4, column - 9])
        page.until(f"document.getElementById('value').value === '{words}'")
        page.mouse("mouseMoved", 260, 270)
        words = "R {}  G {}  B {}".format(*first[row - 4, column - 12])
        page.until(f"document.getElementById('value').value === '{words}'")
        page.press("ArrowRight")  # the border has the focus
        both(0.32)
        page.press("]")
        both(0.34)
        page.press("Home")
        both(0.0)
        page.press("End")
        both(1.0)
        assert page.ask("document.getElementById('swipe').getAttribute('aria-valuenow')") == "100"
    assert [card for card in page.ask("[...document.querySelectorAll('.card')].map((c) => c.innerText)") if card]


def test_swipe_by_place(page, pictures, tmp_path):
    """30 m on the left, 15 m on the right: the same ground at the border."""
    coarse, affine, _ = stored(pictures / "true.tif")
    fine, other, _ = stored(pictures / "sharp.tif")
    assert other.a == 15
    row, column = valid_place(coarse)
    x, y = affine @ (column + 5, row)
    at = ~other @ (x, y)
    with view(pictures / "true.tif", pictures / "sharp.tif") as viewer:
        shown(page, viewer.url, f"#{column},{row},40")
        seen = pixels(page, tmp_path / "place.png")
    assert (seen[MIDDLE[1] + 20, MIDDLE[0] - 180] == coarse[row, column - 5]).all()
    near = fine[int(at[1] + 0.25), int(at[0] + 0.25)]
    assert (seen[MIDDLE[1] + 5, MIDDLE[0] + 205] == near).all()


@pytest.fixture
def served():
    """Any folder by `python -m http.server`, which knows nothing of us; addresses."""
    servers = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    def serve(folder):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_export(page, pictures, tmp_path, served):
    levels, _, _ = stored(pictures / "true.tif")
    row, column = valid_place(levels)
    export_view(pictures / "true.tif", pictures / "ice.tif", folder=tmp_path / "site")
    shown(page, served(tmp_path / "site"), f"#{column + 20.5},{row + 0.5},20")
    seen = pixels(page, tmp_path / "export.png")
    assert (seen[MIDDLE[1], MIDDLE[0] - 400] == levels[row, column]).all()
    page.mouse("mouseMoved", MIDDLE[0] - 400, MIDDLE[1])
    words = "R {}  G {}  B {}".format(*levels[row, column])
    page.until(f"document.getElementById('value').value === '{words}'")
    assert "° N" in read(page, "lonlat")
    shown(page, served(tmp_path / "site"))
    page.mouse("mouseMoved", MIDDLE[0] - 60, MIDDLE[1])
    page.until("document.getElementById('value').value.startsWith('≈ R')")


def test_export_from_disk(page, pictures, tmp_path):
    export_view(pictures / "true.tif", folder=tmp_path / "site", format="jpg")
    shown(page, (tmp_path / "site" / "index.html").as_uri())
    assert pixels(page, tmp_path / "disk.png")[200:500, 400:600].std() > 20
    page.mouse("mouseMoved", *MIDDLE)
    assert "° N" in read(page, "lonlat")
    page.ask("1")
    page.complaints[:] = [one for one in page.complaints if "true_files" not in str(one)]  # values cannot be read there


def test_a_tile_that_is_gone(page, tmp_path, served):
    cog(tmp_path / "a.tif", (1500, 1100))
    export_view(tmp_path / "a.tif", folder=tmp_path / "site")
    (tmp_path / "site" / "a_files" / "11" / "1_1.png").unlink()
    page.open(served(tmp_path / "site") + "#700,700,1")
    page.until("document.getElementById('trouble').textContent === '1 tile did not come'")
    page.until(f"{AT_REST} && viewer.world.getItemAt(0).getFullyLoaded()")
    assert any("1_1.png" in str(one) for one in page.complaints)
    page.complaints.clear()


@pytest.fixture
def sparse(tmp_path):
    """Deep Zoom tiles without the blank ones: a disc in a corner of much nothing. Its levels."""
    levels = np.zeros((2000, 3000, 3), np.uint8)
    y, x = np.ogrid[:2000, :3000]
    disc = np.hypot(y - 700, x - 900) < 500
    levels[disc] = np.random.default_rng(1).integers(1, 256, (int(disc.sum()), 3))
    geotiff(tmp_path / "a.tif", levels, nodata=0)
    gigascene.convert(tmp_path / "a.tif", tmp_path / "a.dzi", options={"tile": 256, "sparse": "yes"})
    assert len(list((tmp_path / "a_files" / "12").iterdir())) < 30  # of 96
    return levels


@pytest.mark.parametrize("how", ["served", "exported", "by another server"])
def test_blank_tiles_that_were_left_out_are_no_trouble(page, sparse, tmp_path, served, how):
    if how == "served":
        viewer = view(tmp_path / "a.dzi")
        url = viewer.url
    else:
        export_view(tmp_path / "a.dzi", folder=tmp_path / "site")
        viewer = view(tmp_path / "site") if how == "exported" else None
        url = viewer.url if viewer else served(tmp_path / "site")
    shown(page, url)
    pixels(page, tmp_path / f"sparse-whole-{how}.png")
    for column, row in ((900, 700), (1300, 1000), (2500, 1700)):
        shown(page, url, f"#{column},{row},1")
        seen = pixels(page, tmp_path / f"sparse-{column}.png")[150:550, 250:750]
        wanted = sparse[row - 200 : row + 200, column - 250 : column + 250]
        valid = wanted.any(-1)
        assert (seen[valid] == wanted[valid]).all()
        assert (seen[~valid] < 40).all()  # the page behind it
    page.mouse("mouseMoved", *MIDDLE)
    page.until("document.getElementById('value').value === 'no data'")
    assert page.ask("document.getElementById('trouble').hidden")
    if viewer:
        viewer.close()


def test_a_lost_tile_among_blank_ones(page, sparse, tmp_path, served):
    (tmp_path / "a_files" / "12" / "3_2.png").unlink()
    export_view(tmp_path / "a.dzi", folder=tmp_path / "site")
    page.open(served(tmp_path / "site") + "#900,700,1")
    page.until("document.getElementById('trouble').textContent === '1 tile did not come'")
    page.until(f"{AT_REST} && viewer.world.getItemAt(0).getFullyLoaded()")
    assert {re.search(r"\d+_\d+\.png", str(one))[0] for one in page.complaints} == {"3_2.png"}
    page.complaints.clear()


def test_a_picture_without_a_place(page, tmp_path):
    levels = cog(tmp_path / "a.tif", (300, 200), crs=None, affine=rasterio.Affine.identity())
    with view(tmp_path / "a.tif") as viewer:
        shown(page, viewer.url, "#150.5,200.5,10")
        page.mouse("mouseMoved", *MIDDLE)
        page.until("document.getElementById('value').value === 'R {}  G {}  B {}'".format(*levels[200, 150]))
        assert read(page, "lonlat") == read(page, "projected") == ""
        assert not page.ask("document.getElementById('scale').checkVisibility()")


@pytest.mark.parametrize("shape", [(1, 1), (1, 513), (513, 1)])
def test_odd_shapes(page, tmp_path, shape):
    levels = cog(tmp_path / "a.tif", shape, 1)
    row, column = (side - 1 for side in shape)
    with view(tmp_path / "a.tif") as viewer:
        shown(page, viewer.url, f"#{column + 0.5},{row + 0.5},30")
        page.mouse("mouseMoved", *MIDDLE)
        value = levels[row, column, 0]
        page.until(f"document.getElementById('value').value === '{value or 'no data'}'")
