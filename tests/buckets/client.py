"""A bucket as another client sees it, and as the server's own index has it."""

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import Request, urlopen

import obstore
from obstore.store import S3Store


@dataclass(frozen=True)
class Bucket:
    """Its name, and a store of our own on it."""

    server: Any
    name: str
    store: Any

    @classmethod
    def made(cls, server):
        """A new one."""
        name = f"b{uuid.uuid4().hex[:12]}"
        store = S3Store(
            name,
            endpoint=f"http://127.0.0.1:{server.port}",
            access_key_id=server.key,
            secret_access_key=server.secret,
            region="us-east-1",
            client_options={"allow_http": True},
        )
        with urlopen(Request(obstore.sign(store, "PUT", "", timedelta(minutes=1)), method="PUT"), timeout=30) as made:
            assert made.status == 200
        return cls(server, name, store)

    def paid_by_readers(self):
        """Anybody may read it, and pays for it (S3's "requester pays")."""
        rule = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": ["s3:GetObject"],
            "Resource": [f"arn:aws:s3:::{self.name}/*"],
        }
        self._configure("policy", json.dumps({"Version": "2012-10-17", "Statement": [rule]}))
        space = "http://s3.amazonaws.com/doc/2006-03-01/"
        payer = f'<RequestPaymentConfiguration xmlns="{space}"><Payer>Requester</Payer></RequestPaymentConfiguration>'
        self._configure("requestPayment", payer)

    def _configure(self, what, text):
        """PUT a setting of the bucket, signed as AWS Signature Version 4 has it: obstore signs objects only."""
        host, when = f"127.0.0.1:{self.server.port}", datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        digest, scope = hashlib.sha256(text.encode()).hexdigest(), f"{when[:8]}/us-east-1/s3/aws4_request"
        names = "host;x-amz-content-sha256;x-amz-date"
        heads = f"host:{host}\nx-amz-content-sha256:{digest}\nx-amz-date:{when}\n"
        canonical = f"PUT\n/{self.name}\n{what}=\n{heads}\n{names}\n{digest}"
        wanted = f"AWS4-HMAC-SHA256\n{when}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = f"AWS4{self.server.secret}".encode()
        for part in (*scope.split("/"), wanted):
            key = hmac.digest(key, part.encode(), "sha256")
        signed = f"AWS4-HMAC-SHA256 Credential={self.server.key}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
        head = {"x-amz-content-sha256": digest, "x-amz-date": when, "Authorization": signed}
        asked = Request(f"http://{host}/{self.name}?{what}=", text.encode(), head, method="PUT")
        with urlopen(asked, timeout=30) as done:
            assert done.status in {200, 204}

    def url(self, key):
        return f"s3://{self.name}/{key}"

    def put(self, key, data):
        obstore.put(self.store, key, data)
        return self.url(key)

    def get(self, key):
        return bytes(obstore.get(self.store, key).bytes())

    def json(self, key):
        return json.loads(self.get(key))

    def names(self, prefix=None):
        return {one["path"] for batch in obstore.list(self.store, prefix=prefix) for one in batch}

    def sha256(self, key):
        return hashlib.sha256(self.get(key)).hexdigest()

    def digests(self, folder):
        """SHA-256 of everything in a folder, by name in it."""
        return {key.removeprefix(f"{folder}/"): self.sha256(key) for key in self.names(folder)}

    def index(self):
        """All that the server keeps, uploads that are neither finished nor given up too.

        A part that was on its way when its upload was given up may arrive later and stay (S3 documents the same): such are left out.
        """
        entries = json.loads(self.server.admin("bucket", "list", "--bucket", self.name))
        names = {entry["name"] for entry in entries}
        open_ones = tuple(name.removesuffix("meta") for name in names if name.endswith(".meta"))
        return {name for name in names if not name.startswith("_multipart_") or name.startswith(open_ones)}
