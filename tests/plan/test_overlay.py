"""Overlays: where they are drawn, in which colour, beside Shapely and PROJ; and what cannot be drawn."""

import json
from dataclasses import replace

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

import gigascene
from cli.shell import spoken
from gigascene.model import wire
from gigascene.model.errors import UsageError
from gigascene.model.grid import Window
from gigascene.model.look import Look
from gigascene.model.plan import Format, Plan, Recipe, Tone
from gigascene.plan import fingerprint
from gigascene.plan.check import check
from gigascene.plan.explain import explain
from gigascene.plan.overlay import drawn, overlaid
from gigascene.works.overlay import Drawing

RECIPE = Recipe(product="true-color", bands=(), quantity="", look=Look(), tone=Tone(thresholds=()))
SQUARE = [[-25.1, 70.5], [-24.95, 70.5], [-24.95, 70.55], [-25.1, 70.55], [-25.1, 70.5]]
HOLE = [[-25.05, 70.52], [-25.0, 70.53], [-25.02, 70.51], [-25.05, 70.52]]


def geojson(path, *geometries, crs=None):
    whole = {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": one} for one in geometries]}
    whole |= {"crs": {"type": "name", "properties": {"name": crs}}} if crs else {}
    path.write_text(json.dumps(whole))
    return path


def line(*points):
    return {"type": "LineString", "coordinates": points}


def grid(crs, left, top, size, shape=(300, 400)):
    return GeoBox(shape, Affine(size, 0, left, 0, -size, top), crs)


def format_on(geobox, **facts):
    known = {"writer": "png", "shape": tuple(geobox.shape), "bands": 3, "dtype": "uint8", "alpha": False, "nodata": 0}
    return Format(geobox=geobox, **(known | facts))


def pixel(geobox, x, y):
    """Columns and rows of places on a grid with north up."""
    a = geobox.affine
    return (x - a.c) / a.a, (y - a.f) / a.e


def painted(path, geobox, width=2.0):
    """Where something is drawn."""
    format = format_on(geobox)
    overlay, _ = overlaid(drawn(str(path), None, width), RECIPE, format)
    levels = np.zeros((*format.shape, 3), np.uint8)
    Drawing(overlay, format).paint(Window(top=0, left=0, height=format.shape[0], width=format.shape[1]), levels)
    return levels.any(axis=-1)


def near(shape, points_to, geobox, width):
    """Independent: the geometry on the grid by PROJ in hundreds of parts, and its distance by Shapely; with what is too near to call."""
    fine = shapely.segmentize(shape, shapely.length(shape) / 200) if shapely.length(shape) else shape
    on_grid = shapely.transform(fine, lambda at: np.stack(pixel(geobox, *points_to(at[:, 0], at[:, 1])), axis=1))
    y, x = np.mgrid[: geobox.shape[0], : geobox.shape[1]] + 0.5
    shapely.prepare(on_grid)
    inner, want, outer = (shapely.dwithin(on_grid, shapely.points(x, y), width / 2 + more) for more in (-0.02, 0, 0.02))
    return want, outer & ~inner


PLACES = {
    "utm26": ("EPSG:32626", 568_000, 7_830_000, 120),
    "mercator": ("EPSG:3857", -2_800_000, 11_256_000, 200),
    "degrees": ("EPSG:4326", -25.15, 70.56, 0.0014),
    "polar": ("EPSG:3413", 715_000, -1_990_000, 120),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("width", [1.0, 7.5])
@pytest.mark.parametrize("crs", [None, "EPSG:32626"])
def test_as_shapely_and_proj_draw(place, width, crs, tmp_path):
    name, *where = PLACES[place]
    geobox = grid(name, *where, shape=(150, 200))
    shapes = [
        shapely.Polygon(SQUARE, [HOLE]),
        shapely.LineString([(-25.3, 70.40), (-24.9, 70.56), (-24.8, 70.44)]),
        shapely.MultiPoint([(-24.98, 70.49), (-25.03, 70.47)]),
    ]
    if crs:
        turn = pyproj.Transformer.from_crs("OGC:CRS84", crs, always_xy=True).transform
        shapes = [shapely.transform(one, lambda at: np.stack(turn(at[:, 0], at[:, 1]), axis=1)) for one in shapes]
    path = geojson(tmp_path / "o.geojson", *(json.loads(shapely.to_geojson(one)) for one in shapes), crs=crs)
    turn = pyproj.Transformer.from_crs(crs or "OGC:CRS84", name, always_xy=True).transform
    want, close = np.zeros((2, *geobox.shape), np.bool_)
    for one in shapes:
        under, unsure = near(one.boundary if one.geom_type == "Polygon" else one, turn, geobox, width)
        want |= under
        close |= unsure
    found = painted(path, geobox, width)
    assert (found == want)[~close].all()
    assert close.mean() < 0.01
    assert want.sum() > 100


def test_a_long_edge_follows_the_projection(tmp_path):
    """A parallel, told by two points, is bent on a polar grid."""
    path = geojson(tmp_path / "o.geojson", line([-80, 70], [0, 70]))
    geobox = grid("EPSG:3413", -1_500_000, -600_000, 10_000)
    found = painted(path, geobox)
    turn = pyproj.Transformer.from_crs("OGC:CRS84", "EPSG:3413", always_xy=True).transform
    for lon in (-70, -45, -30, -10):
        x, y = pixel(geobox, *turn(lon, 70.0))
        assert found[int(y), int(x)]


@pytest.mark.parametrize("crs", ["EPSG:32601", "EPSG:4326", "EPSG:3413"])
@pytest.mark.parametrize("ends", [(178, -178), (178, 182), (-182, -178)])
def test_the_antimeridian_is_crossed_the_short_way(tmp_path, crs, ends):
    path = geojson(tmp_path / "o.geojson", line([ends[0], 60], [ends[1], 60]))
    turn = pyproj.Transformer.from_crs("OGC:CRS84", crs, always_xy=True).transform
    if crs == "EPSG:4326":
        geobox = grid(crs, 176, 62, 0.02)
    else:
        x, y = turn(180, 60)
        geobox = grid(crs, x - 150_000, y + 120_000, 800)
    found = painted(path, geobox)
    for lon in (178.9, 179.99, -179.9, -179):
        x, y = turn(lon, 60.0)
        x, y = pixel(geobox, x + 360 if crs == "EPSG:4326" and x < 0 else x, y)
        assert found[int(y), int(x)], lon


def test_no_line_jumps_across_a_map_of_the_world(tmp_path):
    path = geojson(tmp_path / "o.geojson", line([170, 10], [-170, 12]), line([-180, -90], [180, -90]))
    found = painted(path, grid("EPSG:3857", -20_037_508.34, 20_037_508.34, 100_188, (400, 400)))
    assert found.any(axis=0)[[1, 398]].all()
    assert not found[:, 20:380].any()


def test_a_parallel_goes_around_the_world(tmp_path):
    path = geojson(tmp_path / "o.geojson", line([-180, 60], [180, 60]))
    assert painted(path, grid("EPSG:4326", -180, 90, 1, (180, 360))).any(axis=0).all()


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        ({}, (255, 128, 1)),
        ({"dtype": "uint16"}, (65535, 128 * 257, 1)),
        ({"bands": 4, "alpha": True, "nodata": None}, (255, 128, 0, 255)),
        ({"bands": 1}, (151,)),
        ({"bands": 2, "alpha": True, "nodata": None, "dtype": "uint16"}, (151 * 257, 65535)),
    ],
)
def test_colours(tmp_path, facts, level):
    """Never 0 where that is no data."""
    geobox = grid("EPSG:4326", 0, 1, 0.1, (10, 10))
    path = geojson(tmp_path / "o.geojson", line([0, 0.55], [1, 0.55]))
    format = format_on(geobox, **facts)
    overlay, _ = overlaid(drawn(str(path), "#ff8000", 1), RECIPE, format)
    levels = np.zeros((10, 10, format.bands), format.dtype)
    Drawing(overlay, format).paint(Window(top=0, left=0, height=10, width=10), levels)
    assert (levels[4] == level).all()
    assert not levels[:4].any()


@pytest.mark.parametrize(("suffix", "wishes"), [(".tif", {"options": {"tile": 64}}), (".png", {"packing": "document"})])
def test_the_rest_of_the_picture_stays(small_scene, tmp_path, suffix, wishes):
    path = geojson(tmp_path / "o.geojson", {"type": "Polygon", "coordinates": [SQUARE, HOLE]})
    for name, more in {"bare": {}, "drawn": {"overlay": path, "overlay_color": "white"}}.items():
        gigascene.compose("true-color", small_scene, tmp_path / f"{name}{suffix}", **wishes, **more)
    with rasterio.open(tmp_path / f"bare{suffix}") as bare, rasterio.open(tmp_path / f"drawn{suffix}") as other:
        before, after = bare.read(), other.read()
        geobox = GeoBox(bare.shape, bare.transform, bare.crs)
        levels = other.overviews(1)
    under = painted(path, geobox)
    assert under.sum() > 500
    assert np.array_equal(after[:, ~under], before[:, ~under])
    assert (after[:, under] == 255).all()
    if levels:
        with rasterio.open(tmp_path / "drawn.tif", overview_level=0) as reduced:
            small = reduced.read()
        assert (small[:, under.reshape(150, 2, 130, 2).all(axis=(1, 3))] == 255).all()


def test_a_figure_shows_lines_as_wide_as_asked(small_scene, tmp_path):
    path = geojson(tmp_path / "o.geojson", line([-25.3, 70.5], [-24.5, 70.5]))
    plan = gigascene.plan_compose(
        "ndvi", small_scene, tmp_path / "a.png", overlay=path, writer="figure", options={"width_px": 100}
    )
    assert plan.overlay.reach == 3 * 256  # reduced three times
    assert plan.overlay.width == 2


def test_coverage_is_that_of_the_scenes(small_scene, tmp_path):
    path = geojson(tmp_path / "o.geojson", line([-25.3, 70.5], [-24.5, 70.5]), line([-25.3, 70.6], [-24.5, 70.4]))
    found = [
        gigascene.mosaic("true-color", small_scene, tmp_path / f"{n}.png", **more).mosaic["coverage"]
        for n, more in enumerate(({}, {"overlay": path, "overlay_width": 60}))
    ]
    assert found[0] == found[1] < 1


def test_it_belongs_to_the_plan(small_scene, tmp_path):
    path = geojson(tmp_path / "o.geojson", line([-25.3, 70.5], [-24.5, 70.5]))
    plans = [
        gigascene.plan_compose("true-color", small_scene, tmp_path / "a.png", stretch="0:1", overlay=path, **more)
        for more in ({}, {"overlay_color": "red"}, {"overlay_width": 3})
    ]
    geojson(path, line([-25.3, 70.5], [-24.5, 70.51]))
    plans.append(gigascene.plan_compose("true-color", small_scene, tmp_path / "a.png", stretch="0:1", overlay=path))
    assert len({fingerprint.fingerprint(plan) for plan in plans}) == 4
    assert len({fingerprint.identity(plan) for plan in plans}) == 4
    assert explain(plans[0])["overlay"] == {"color": "#ffff00", "width": 2.0, "pieces of line": plans[0].overlay.count}
    again = wire.loads(Plan, wire.dumps(plans[1]))
    check(again)
    path.unlink()  # it is in the plan
    receipt = gigascene.run(again)
    assert json.loads((tmp_path / "a.png.receipt.json").read_text())["recipe"]["overlay"]["color"] == "#ff0000"
    assert receipt.bytes > 0


@pytest.mark.parametrize(
    "changes", [{"pieces": "AAAA"}, {"count": 10**9}, {"color": (1, 2, 300)}, {"reach": 1 << 40}, {"count": -1}]
)
def test_an_edited_plan_is_refused(small_scene, tmp_path, changes):
    path = geojson(tmp_path / "o.geojson", line([-25.3, 70.5], [-24.5, 70.5]))
    plan = gigascene.plan_compose("true-color", small_scene, tmp_path / "a.png", stretch="0:1", overlay=path)
    with pytest.raises(gigascene.BadInput, match="an overlay"):
        check(replace(plan, overlay=replace(plan.overlay, **changes)))


def test_what_lies_elsewhere_is_said(small_scene, tmp_path):
    path = geojson(tmp_path / "o.geojson", line([10, 10], [11, 11]))
    plan = gigascene.plan_compose("true-color", small_scene, tmp_path / "a.png", stretch="0:1", overlay=path)
    assert plan.overlay.count == 0
    assert plan.notes == (f"{path}: nothing of it lies within the picture",)
    check(wire.loads(Plan, wire.dumps(plan)))
    assert gigascene.run(plan).bytes > 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no GeoJSON"),
        ("[]", "no GeoJSON"),
        ('{"type": "Circle", "coordinates": [1, 2]}', "'Circle'"),
        ('{"type": "LineString", "coordinates": [[1, 2]]}', "two positions"),
        ('{"type": "Point", "coordinates": [1, "a"]}', "no GeoJSON"),
        ('{"type": "Point", "coordinates": []}', "no GeoJSON"),
        ('{"type": "Point", "coordinates": [NaN, 1]}', "finite"),
        ('{"type": "Point", "coordinates": [1' + "0" * 400 + ", 1]}", "no GeoJSON"),
        pytest.param("[" * 100_000, "no GeoJSON", id="deep"),
        (
            '{"type": "LineString", "coordinates": [[0, 0], [1e300, 0]], "crs": {"properties": {"name": "EPSG:32621"}}}',
            "units long",
        ),
        ('{"type": "Point", "coordinates": [566003, 7828007]}', "no longitude and latitude"),
        ('{"type": "FeatureCollection", "features": []}', "nothing that could be drawn"),
        ('{"type": "Feature", "geometry": null}', "nothing that could be drawn"),
        ('{"type": "Point", "coordinates": [1, 2], "crs": {"properties": {"name": "EPSG:0"}}}', "CRS"),
    ],
)
def test_files_that_are_none(small_scene, tmp_path, capsys, monkeypatch, text, says):
    (tmp_path / "o.geojson").write_text(text)
    said = spoken(
        capsys,
        monkeypatch,
        "compose",
        "ndvi",
        small_scene,
        "-o",
        tmp_path / "a.png",
        "--overlay",
        tmp_path / "o.geojson",
    )
    assert (said.code, "fault" in said.err) == (4, False), said.err
    assert "o.geojson" in said.err
    assert says in said.err
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--overlay", "nothing.geojson"), 4, "nothing.geojson"),
        (("--overlay-color", "red"), 2, "add --overlay"),
        (("--overlay-width", "3"), 2, "add --overlay"),
        (("--overlay", "o.geojson", "--overlay-color", "reddish"), 2, "reddish"),
        (("--overlay", "o.geojson", "--overlay-color", "#12345"), 2, "#12345"),
        (("--overlay", "o.geojson", "--overlay-width", "0.5"), 2, "--overlay-width"),
        (("--overlay", "o.geojson", "--overlay-width", "nan"), 2, "--overlay-width"),
    ],
)
@pytest.mark.parametrize("verb", ["compose", "mosaic"])
def test_refusals(small_scene, tmp_path, capsys, monkeypatch, verb, words, code, says):
    monkeypatch.chdir(tmp_path)
    geojson(tmp_path / "o.geojson", line([-25.3, 70.5], [-24.5, 70.5]))
    said = spoken(capsys, monkeypatch, verb, "ndvi", small_scene, "-o", "a.png", *words)
    assert (said.code, "fault" in said.err) == (code, False), said.err
    assert says in said.err


def test_stored_numbers_are_not_drawn_on(small_scene, tmp_path):
    path = geojson(tmp_path / "o.geojson", line([-25.3, 70.5], [-24.5, 70.5]))
    with pytest.raises(UsageError, match="stored numbers are kept"):
        gigascene.plan_mosaic("picture", next(small_scene.glob("*_B4.TIF")), tmp_path / "a.tif", overlay=path)


def test_a_picture_without_a_place(small_scene, tmp_path):
    for name in "RGB":
        with (
            pytest.warns(rasterio.errors.NotGeoreferencedWarning),
            rasterio.open(
                tmp_path / f"{name}.tif", "w", driver="GTiff", count=1, height=50, width=50, dtype="uint8"
            ) as to,
        ):
            to.write(np.ones((1, 50, 50), np.uint8))
    path = geojson(tmp_path / "o.geojson", line([-25.3, 70.5], [-24.5, 70.5]))
    with pytest.raises(gigascene.BadInput, match="the picture has none"):
        gigascene.plan_compose(
            "rgb",
            [tmp_path / f"{name}.tif" for name in "RGB"],
            tmp_path / "a.png",
            bands=tuple("RGB"),
            stretch="0:1",
            overlay=path,
        )
