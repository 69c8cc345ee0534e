"""The user's own logins, over real TLS: to the hosts they are for, and nowhere else."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest

from gigascene.model.errors import BadInput, NoAccess
from gigascene.storage import _logins, _requests, remote
from range_server import forget, serving

EARTH = "https://data.ornldaac.earthdata.nasa.gov/protected/daymet.nc"
NAMES = ("data.ornldaac.earthdata.nasa.gov", "zipper.dataspace.copernicus.eu", "files.example.org", "cdn.example.net")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Key and certificate of a server by all these names, which is its own authority."""
    pytest.importorskip("cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in NAMES]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    form, pem = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    secret = key.private_bytes(pem, form, serialization.NoEncryption())
    path.write_bytes(secret + made.sign(key, hashes.SHA256()).public_bytes(pem))
    return path


@pytest.fixture
def files(certificate, monkeypatch, tmp_path):
    """A proxy that answers for each of these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("GIGASCENE_ALLOW_PRIVATE_HREFS", "1")
    monkeypatch.setattr(_requests, "WAIT_S", 0.01)
    for name in _logins.TOKENS:
        monkeypatch.delenv(name, raising=False)
    forget()
    with serving(tls=context) as (address, found):
        monkeypatch.setenv("https_proxy", address)
        monkeypatch.setenv("http_proxy", address)
        monkeypatch.setenv("no_proxy", "")
        found.files["/protected/daymet.nc"] = found.files["/free/daymet.nc"] = b"days"
        yield found
    forget()


def brought(files):
    return [headers.get("Authorization") for _, headers in files.asked]


def test_a_token_goes_to_its_own_hosts(files, monkeypatch):
    files.locked["/protected"] = (401, "Bearer PLANTED")
    with pytest.raises(NoAccess, match=r"HTTP 401.*want a token in EARTHDATA_TOKEN: urs.earthdata.nasa.gov makes one"):
        remote.read(EARTH, 0, 4)
    monkeypatch.setenv("EARTHDATA_TOKEN", "PLANTED")
    assert remote.read(EARTH, 0, 4) == b"days"
    assert brought(files)[-1] == "Bearer PLANTED"


def test_one_that_is_refused_is_not_told(files, monkeypatch):
    files.locked["/protected"] = (401, "Bearer other")
    monkeypatch.setenv("CDSE_TOKEN", "PLANTED")
    with pytest.raises(NoAccess, match="CDSE_TOKEN is not accepted: it may have run out") as caught:
        remote.read("https://zipper.dataspace.copernicus.eu/protected/daymet.nc", 0, 4)
    assert "PLANTED" not in str(caught.value)


@pytest.mark.parametrize(
    "href",
    [
        "https://files.example.org/free/daymet.nc",
        "http://data.ornldaac.earthdata.nasa.gov/free/daymet.nc",  # not over TLS
        "http://earthdata.nasa.gov.example.org/free/daymet.nc",
    ],
)
def test_it_goes_nowhere_else(files, monkeypatch, href):
    monkeypatch.setenv("EARTHDATA_TOKEN", "PLANTED")
    assert remote.read(href, 0, 4) == b"days"
    assert brought(files) == [None]


def test_a_redirect_leads_it_nowhere(files, monkeypatch):
    monkeypatch.setenv("EARTHDATA_TOKEN", "PLANTED")
    files.moved["/protected/daymet.nc"] = "https://cdn.example.net/free/daymet.nc"
    assert remote.read(EARTH, 0, 4) == b"days"
    assert brought(files) == ["Bearer PLANTED", None]


def test_name_and_password_of_netrc(files, tmp_path):
    (tmp_path / "netrc").write_text(
        "machine files.example.org login me password PLANTED\ndefault login x password PLANTED2\n"
    )
    remote.read("https://files.example.org/free/daymet.nc", 0, 4)
    remote.read("https://cdn.example.net/free/daymet.nc", 0, 4)
    remote.state("http://files.example.org/free/daymet.nc")
    assert brought(files) == [_logins.basic("me", "PLANTED"), None, None]
    (tmp_path / "netrc").write_text("machine files.example.org login me PLANTED\n")
    with pytest.raises(BadInput, match="file of logins cannot be read") as caught:
        remote.state("https://files.example.org/free/daymet.nc", fresh=True)
    assert "PLANTED" not in str(caught.value)


def test_a_certificate_of_others_is_refused(files, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    forget()
    monkeypatch.setenv("EARTHDATA_TOKEN", "PLANTED")
    with pytest.raises(BadInput, match="cannot be reached"):
        remote.read(EARTH, 0, 4)
    assert not files.asked
