"""The server as a browser meets it, and as somebody meets it who wants more than pictures."""

import http.client
import json
import socket
from urllib.parse import urlsplit

import pytest

from gigascene.api.view import view
from gigascene.model.errors import UsageError
from serve.pictures import cog, needs_openseadragon, seen

pytestmark = needs_openseadragon


@pytest.fixture(scope="module")
def levels_and_viewer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    levels = cog(folder / "a.tif", (700, 1025))
    (folder / "secret.txt").write_text("secret")
    with view(folder / "a.tif") as viewer:
        yield levels, viewer


@pytest.fixture
def ask(levels_and_viewer):
    """One request to an address below the secret folder, or, with a slash in front, anywhere."""
    url = urlsplit(levels_and_viewer[1].url)

    def asked(address, method="GET", **headers):
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
        try:
            connection.putrequest(
                method, address if address[:1] == "/" else url.path + address, skip_host="Host" in headers
            )
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    return asked


def test_page(ask):
    answer, content = ask("")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert content == ask("index.html")[1]
    for name in ("viewer.js", "viewer.css", "view.js", "view.json", "vendor/openseadragon.min.js"):
        assert ask(name)[0].status == 200


def test_tile_and_value(ask, levels_and_viewer):
    levels, _ = levels_and_viewer
    answer, content = ask("a_files/11/2_1.png")
    assert answer.headers["Content-Type"] == "image/png"
    assert (seen(content)[..., :3] == levels[512:, 1024:]).all()
    assert json.loads(ask("a_values/1024_699.json")[1]) == levels[699, 1024].tolist()
    assert json.loads(ask("a_values/0_0.json")[1]) is None


def test_asked_again(ask):
    first, content = ask("a_files/11/1_1.png")
    assert "max-age" in first.headers["Cache-Control"]
    again, nothing = ask("a_files/11/1_1.png", If_None_Match=first.headers["ETag"])
    assert (again.status, nothing) == (304, b"")
    other, same = ask("a_files/11/1_1.png", If_None_Match='"other"')
    assert (other.status, same) == (200, content)


def test_head(ask):
    whole, content = ask("a_files/11/1_1.png")
    head, nothing = ask("a_files/11/1_1.png", method="HEAD")
    assert nothing == b""
    assert head.headers["Content-Length"] == str(len(content)) == whole.headers["Content-Length"]
    assert head.headers["ETag"] == whole.headers["ETag"]


@pytest.mark.parametrize(
    "address",
    [
        "a_files/12/0_0.png",
        "a_files/11/3_0.png",
        "a_files/11/0_2.png",
        "a_files/11/-1_0.png",
        "a_files/11/0_0.jpg",
        "a_files/11/0_0",
        "a_files/11/0_0.png/",
        "a_files/99/0_0.png",
        "a_files/11/999999999_0.png",
        "a_values/1025_0.json",
        "a_values/0_0.png",
        "b_files/0/0_0.png",
        "a.tif",
        "secret.txt",
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "a_files/../../secret.txt",
        "a_files/11/..%2f..%2fsecret.txt",
        "vendor/../viewer.js",
        "vendor/..%5cviewer.js",
        "viewer.js%00.png",
        "a_files/11/0_0.png%00",
        "vendor/",
        "vendor/INTEGRITY",
        "/",
        "/etc/passwd",
        "//etc/passwd",
        "///",
        "/index.html",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/AAAAAAAAAAAAAAAA/",
        "/AAAAAAAAAAAAAAAA/index.html",
    ],
)
def test_nothing_else_is_there(ask, address):
    answer, content = ask(address)
    assert answer.status == 404
    assert b"secret" not in content and b"root:" not in content


def raw(viewer, request):
    """Bytes sent as they are; all that comes back."""
    url = urlsplit(viewer.url)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(request.replace(b"PLACE", url.path.encode()))
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET PLACE../../../../etc/passwd HTTP/1.1",
        b"GET PLACEvendor/\0 HTTP/1.1",
        b"GET PLACE\xff\xfe HTTP/1.1",
        "GET PLACEa_files/11/٣_0.png HTTP/1.1".encode(),
        b"GET http://127.0.0.1PLACE HTTP/1.1",
        b"GET \\etc\\passwd HTTP/1.1",
    ],
)
def test_nothing_else_is_there_for_the_rude(levels_and_viewer, request_line):
    answer = raw(levels_and_viewer[1], request_line + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.split(b" ")[1] in {b"400", b"404"}
    assert b"root:" not in answer


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1", "", "a@localhost"]
)
def test_another_name_for_this_machine(ask, host):
    answer, content = ask("", Host=host)
    assert answer.status == 403
    assert b"<html" not in content


@pytest.mark.parametrize("host", ["localhost", "localhost:9000", "127.0.0.1", "127.0.0.1:9000"])
def test_forwarded_ports(ask, host):
    assert ask("", Host=host)[0].status == 200


@pytest.mark.parametrize("hosts", [b"", b"Host: localhost\r\nHost: evil.example\r\n"])
def test_no_host_or_two(levels_and_viewer, hosts):
    assert b" 403 " in raw(levels_and_viewer[1], b"GET PLACE HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n")[:20]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_read_only(ask, method):
    answer, _ = ask("", method=method)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND"])
def test_methods_nobody_knows(ask, method):
    assert ask("", method=method)[0].status == 501


def test_a_body_is_no_second_request(levels_and_viewer):
    smuggled = b"GET PLACEview.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = raw(
        levels_and_viewer[1], b"GET PLACE HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60\r\n\r\n" + smuggled
    )
    assert answer.count(b"HTTP/1.1 200") == 1


def test_loopback_only(levels_and_viewer):
    assert urlsplit(levels_and_viewer[1].url).hostname == "127.0.0.1"
    assert levels_and_viewer[1]._server.server_address[0] == "127.0.0.1"


def test_the_address_is_secret(levels_and_viewer, tmp_path):
    cog(tmp_path / "a.tif", (3, 4))
    with view(tmp_path / "a.tif") as other:
        mine, theirs = urlsplit(levels_and_viewer[1].url).path, urlsplit(other.url).path
        assert mine != theirs
        assert len(mine) >= 16


def test_a_port_that_is_taken(levels_and_viewer, tmp_path):
    cog(tmp_path / "a.tif", (3, 4))
    port = urlsplit(levels_and_viewer[1].url).port
    with pytest.raises(UsageError, match=f"port {port}"):
        view(tmp_path / "a.tif", port=port)
    for wrong in (-1, 70_000):
        with pytest.raises(UsageError, match="port"):
            view(tmp_path / "a.tif", port=wrong)


def test_a_broken_tile_is_told(tmp_path, capsys):
    cog(tmp_path / "a.tif", (700, 1025))
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data[:-99])
    with view(tmp_path / "a.tif") as viewer:
        url = urlsplit(viewer.url)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
        connection.request("GET", f"{url.path}a_files/11/2_1.png")
        answer = connection.getresponse()
        assert answer.status == 500
        assert b"cannot be read" in answer.read()
        connection.request("GET", f"{url.path}a_files/11/0_0.png")
        assert connection.getresponse().status == 200
        connection.close()
    assert "a.tif: cannot be read" in capsys.readouterr().err


def test_a_browser_that_hangs_up(levels_and_viewer, ask, capsys):
    url = urlsplit(levels_and_viewer[1].url)
    for _ in range(5):
        with socket.create_connection((url.hostname, url.port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # reset, do not wait
            connection.sendall(f"GET {url.path}a_files/11/0_0.png HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert ask("")[0].status == 200
    assert capsys.readouterr().err == ""


def test_closed(tmp_path):
    cog(tmp_path / "a.tif", (3, 4))
    with view(tmp_path / "a.tif") as viewer:
        url = urlsplit(viewer.url)
    viewer.wait()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((url.hostname, url.port))
