"""Ranges over real HTTP: only what is needed, from hosts that may be asked, with no secret told."""

import pickle
import socket
from urllib.parse import urlsplit

import numpy as np
import pytest
import tifffile

import gigascene
import stac_scene
from gigascene.model.errors import BadInput
from gigascene.model.grid import Window
from gigascene.model.scene import Asset
from gigascene.readers.geotiff import describe
from gigascene.readers.window import read
from gigascene.settings import settings
from gigascene.storage import _hosts, _requests, hrefs, remote
from range_server import serving


@pytest.fixture
def allowed(monkeypatch):
    """Loopback may be asked."""
    monkeypatch.setenv("GIGASCENE_ALLOW_PRIVATE_HREFS", "1")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def server(allowed, monkeypatch):
    monkeypatch.setattr(_requests, "WAIT_S", 0.01)
    with serving() as found:
        yield found


@pytest.fixture(params=["deflate", "lzw"])
def cog(request, tmp_path, server):
    """A COG of 1,500 x 1,700 noisy pixels behind HTTP: asset, pixels, bytes; LZW is left to GDAL."""
    url, files = server
    pixels = np.random.default_rng(5).integers(1, 4000, (1500, 1700)).astype(np.uint16)
    path = tmp_path / "a.tif"
    if request.param == "deflate":
        stac_scene.write_cog(path, pixels, 10)
    else:
        with tifffile.TiffWriter(path) as out:
            out.write(pixels, tile=(256, 256), compression="lzw", metadata=None, extratags=_georeference())
    files.files["/a.tif"] = path.read_bytes()
    header = describe(f"{url}/a.tif", band="B04")
    asset = Asset(
        key="B04",
        name="red",
        href=f"{url}/a.tif",
        geobox=header.geobox,
        dtype=header.dtype,
        nodata=0,
        blocks=header.blocks,
    )
    return asset, pixels, path


def _georeference():
    return [
        (33550, 12, 3, (10.0, 10.0, 0.0)),
        (33922, 12, 6, (0.0, 0.0, 0.0, *stac_scene.ORIGIN, 0.0)),
        (34735, 3, 16, (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32632)),
    ]


@pytest.mark.parametrize(
    "window",
    [
        Window(top=0, left=0, height=1, width=1),
        Window(top=250, left=500, height=20, width=300),
        Window(top=1400, left=1600, height=100, width=100),
        Window(top=0, left=0, height=1500, width=1700),
    ],
)
def test_a_window_costs_its_tiles_and_a_header(cog, server, window):
    asset, pixels, path = cog
    _url, files = server
    files.reset()
    found = read(asset, window)
    assert (found == pixels[window.top : window.bottom, window.left : window.right]).all()
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        across = -(-1700 // page.tilewidth)
        wanted = {
            row // 256 * across + column // 256
            for row in range(window.top, window.bottom)
            for column in range(window.left, window.right, 1)
        }
        needed = sum(page.databytecounts[tile] for tile in wanted)
    assert files.sent <= 1.1 * needed + 2 * remote.PAGE


def test_the_header_costs_one_page(cog, server):
    _asset, _, path = cog
    url, files = server
    files.files["/again.tif"] = path.read_bytes()
    files.reset()
    describe(f"{url}/again.tif", band="B04")
    assert files.sent <= 2 * remote.PAGE
    assert len(files.asked) <= 2


def test_plain_rasters_are_bands_wherever_they_lie(cog, server):
    _asset, pixels, path = cog
    url, files = server
    files.files["/signed.tif"] = path.read_bytes()
    assert gigascene.open_scene([f"{url}/a.tif", f"{url}/signed.tif?sig=PLANTED"]).assets.keys() == {"a", "signed"}
    scene = gigascene.open_scene(f"{url}/signed.tif?sig=PLANTED")
    assert scene.asset("signed").href == f"{url}/signed.tif"
    assert (read(scene.asset("signed"), Window(top=0, left=0, height=1500, width=1700)) == pixels).all()


def test_a_server_without_ranges_is_told(server):
    url, files = server
    files.ranges = False
    files.files["/big.tif"] = b"II*\0" + bytes(100_000)
    with pytest.raises(BadInput, match="no ranges"):
        describe(f"{url}/big.tif", band="B04")


def test_passing_failures_are_tried_again(server):
    url, files = server
    files.files["/a"] = bytes(range(100))
    files.failing["/a"] = [503, "cut", 429]
    assert remote.read(f"{url}/a", 10, 5) == bytes(range(10, 15))
    files.files["/b"] = b"b"
    files.failing["/b"] = [500] * 99
    with pytest.raises(BadInput, match=r"HTTP 500.*tried 4 times"):
        remote.read(f"{url}/b", 0, 1)


@pytest.mark.parametrize(("status", "words"), [(404, "is gone"), (410, "is gone"), (403, "sign"), (401, "sign")])
def test_lasting_failures_say_what_to_do(server, status, words):
    url, files = server
    files.failing["/a"] = [status]
    with pytest.raises(BadInput, match=words):
        remote.state(f"{url}/a")
    assert len(files.asked) == 1


def test_a_file_that_changes_is_noticed(server):
    url, files = server
    files.files["/a"] = bytes(remote.PAGE * 3)
    remote.read(f"{url}/a", 0, 10)
    files.tags["/a"] = '"other"'
    with pytest.raises(BadInput, match="has changed"):
        remote.read(f"{url}/a", remote.PAGE * 2, 10)
    assert remote.identity(f"{url}/a") != remote.identity(f"{url}/a", fresh=True)


def test_redirects_are_followed_and_remembered(server):
    url, files = server
    files.files["/real"] = b"0123456789"
    files.moved |= {"/a": "/b", "/b": f"{url}/real"}
    assert remote.read(f"{url}/a", 2, 3) == b"234"
    files.moved |= {"/x": "/y", "/y": "/x"}
    with pytest.raises(BadInput, match="more than"):
        remote.state(f"{url}/x")
    files.moved["/z"] = "file:///etc/passwd"
    with pytest.raises(BadInput, match="no http"):
        remote.state(f"{url}/z")


@pytest.fixture
def strict(monkeypatch):
    monkeypatch.delenv("GIGASCENE_ALLOW_PRIVATE_HREFS", raising=False)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.parametrize(
    "href",
    [
        "http://127.0.0.1/a",
        "http://localhost:8080/a",
        "http://2130706433/a",
        "http://0x7f.1/a",
        "http://[::1]/a",
        "http://[::ffff:10.0.0.1]/a",
        "http://10.1.2.3/a",
        "http://192.168.0.1/a",
        "http://172.16.0.1/a",
        "http://169.254.169.254/latest/meta-data",
        "http://[fd00:ec2::254]/a",
        "http://[fe80::1]/a",
        "http://100.100.100.200/a",
        "http://168.63.129.16/a",
        "http://0.0.0.0/a",
        "http://224.0.0.1/a",
    ],
)
def test_addresses_inside_are_refused(strict, href):
    with pytest.raises(BadInput, match="--allow-private") as caught:
        remote.state(href)
    assert caught.value.exit_code == 4


def test_a_name_is_asked_at_the_address_that_was_checked(strict, monkeypatch):
    """A name that means a public host when it is checked and this machine when it is asked is asked at the first."""
    answers = iter(["93.184.216.34", "127.0.0.1", "127.0.0.1"])
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), 80))]
    )
    asked = []

    def connect(to, *_):
        asked.append(to[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(_requests, "WAIT_S", 0)
    with pytest.raises(BadInput, match="cannot be reached"):
        remote.state("http://rebinding.example/a")
    assert set(asked) == {"93.184.216.34"}


def test_redirects_to_addresses_inside_are_refused(server, monkeypatch):
    """The first host is allowed by name here; where it leads to is checked like any other."""
    url, files = server
    files.moved["/a"] = "http://169.254.169.254/latest/meta-data"
    real = _hosts.is_public
    monkeypatch.setattr(_hosts, "is_public", lambda text: text == "127.0.0.1" or real(text))
    monkeypatch.setenv("GIGASCENE_ALLOW_PRIVATE_HREFS", "0")
    settings.cache_clear()
    with pytest.raises(BadInput, match=r"169\.254\.169\.254"):
        remote.state(f"{url}/a")


SECRETS = [
    "X-Amz-Signature=SECRET&X-Amz-Expires=60",
    "sv=2021&se=2030&sr=b&sig=SECRET",
    "access_token=SECRET",
    "anything=" + "SECRET" * 20,
    "plain=1&subscription-key=SECRET",
]


@pytest.mark.parametrize("query", SECRETS)
def test_secrets_are_kept_and_not_told(server, query):
    url, files = server
    files.files["/a"] = b"12345"
    whole = f"{url.replace('//', '//me:SECRET@')}/a?{query}"
    known = hrefs.remember(whole)
    assert known == f"{url}/a"
    assert remote.read(known, 0, 5) == b"12345"
    path, headers = files.asked[-1]
    assert path == f"/a?{query}"
    assert headers["Authorization"] == "Basic bWU6U0VDUkVU"
    files.failing["/a"] = [403]
    with pytest.raises(BadInput) as caught:
        remote.state(known, fresh=True)
    assert "SECRET" not in f"{caught.value} {caught.value.args} {caught.value!r}"
    assert b"SECRET" not in pickle.dumps(caught.value)


def test_credentials_go_to_their_own_host_only(server):
    url, files = server
    with serving() as (other, others):
        others.files["/real"] = b"12345"
        files.moved["/a"] = f"{other}/real"
        assert remote.read(hrefs.remember(f"{url.replace('//', '//me:word@')}/a"), 0, 5) == b"12345"
        assert all("Authorization" not in headers for _, headers in others.asked)


def test_plain_queries_stay():
    assert hrefs.public("https://example.org/tiles?band=red&size=10") == "https://example.org/tiles?band=red&size=10"


@pytest.mark.parametrize("href", ["http:///a", "http://host:99999/a", "http://", "https://[::1/a"])
def test_addresses_that_are_none(allowed, href):
    with pytest.raises(BadInput):
        remote.state(href)


def test_only_the_secrets_that_are_asked_for_are_handed_on():
    first = hrefs.remember("https://one.example.org/a.tif?sig=first")
    other = hrefs.remember("https://two.example.org/b.tif?sig=second")
    assert hrefs.secrets([first, "/data/c.tif"]) == {first: "https://one.example.org/a.tif?sig=first"}
    assert set(hrefs.secrets([first, other])) == {first, other}


def test_who_is_told_by_a_signature_is_not_told_twice(monkeypatch, tmp_path):
    """A login for the host of a signed address stays at home: object stores refuse both at once."""
    (tmp_path / "netrc").write_text("machine example.org login me password PLANTED\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    plain, signed = (urlsplit(f"https://example.org/a.tif{query}") for query in ("", "?X-Amz-Signature=0"))
    assert "Authorization" in _requests._credentials(plain, "a")
    assert _requests._credentials(signed, "a") == {}
