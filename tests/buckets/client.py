"""A bucket as another client sees it, and as the server's own index has it."""

import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import timedelta
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
        """All that the server keeps, unfinished uploads too."""
        entries = json.loads(self.server.admin("bucket", "list", "--bucket", self.name))
        return {entry["name"] for entry in entries}
