"""Are the files that will be read those that the archive delivered? By the checksums that the product itself carries."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from gigascene.model.errors import BadInput
from gigascene.model.plan import Plan
from gigascene.model.scene import Scene
from gigascene.storage.contents import digest

ALGORITHMS = {"md5": "md5", "sha3-256": "sha3_256", "sha256": "sha256", "sha-256": "sha256"}
"""`hashlib`'s names by those of manifests."""


def verify_inputs(plan: Plan) -> int:
    """Compare every file that a plan reads, metadata included, with its product's checksums; how many there were.

    Raises `BadInput` naming the first file that differs, or the scene that carries no checksum of one of them.
    """
    count = 0
    for scene in plan.scenes:
        checksums = _needed(scene)
        with ThreadPoolExecutor(plan.execution.workers) as pool:
            list(pool.map(_verify, checksums, checksums.values()))
        count += len(checksums)
    return count


def _needed(scene: Scene) -> Mapping[str, str]:
    if not scene.checksums:
        raise BadInput(
            f"scene {scene.id} carries no checksums, so its files cannot be verified.",
            hint="SAFE products have them in manifest.safe; leave --verify-inputs away for others.",
        )
    hrefs = dict.fromkeys([*scene.checksums, *(asset.href for asset in scene.assets.values())])
    return {href: scene.checksums.get(href, "") for href in hrefs}


def _verify(href: str, said: str) -> None:
    name, _, expected = said.partition(":")
    if name not in ALGORITHMS:
        what = f"in {name.upper()}, which is not known here" if name else "for it"
        raise BadInput(f"its product's manifest has no checksum {what}.", href)
    try:
        found = digest(href, ALGORITHMS[name])
    except OSError as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"cannot be read: {error.strerror}", href) from error
    if found != expected:
        raise BadInput(
            f"its {name.upper()} checksum is {found[:16]}…, and its product's manifest says {expected[:16]}….",
            href,
            hint="Fetch the file again.",
        )
