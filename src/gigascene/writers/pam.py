"""PAM, PGM and PPM: raw rows behind a header of text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gigascene.codecs._sample_rows import CODEC, offset
from gigascene.codecs.pam import classic_header, header
from gigascene.model.contracts import OnDisk, Record
from gigascene.model.errors import UsageError
from gigascene.model.plan import Format, Plan
from gigascene.writers._sample_rows import SampleSink, check_samples

CLASSIC_BANDS = {".pgm": (1,), ".ppm": (3,), ".pnm": (1, 3)}


class PamWriter:
    """Portable Arbitrary Map: 8 or 16 bit, grey or RGB, with or without alpha; without, also as .pgm, .ppm, or .pnm for either."""

    name = "pam"
    suffixes = (".pam", ".pgm", ".ppm", ".pnm")
    options: tuple[str, ...] = ()
    codec = CODEC

    def format(self, format: Format) -> Format:
        """No options; .pgm takes grey, .ppm RGB and .pnm either, without alpha."""
        _header_maker(format)
        check_samples(format, "PAM")
        return replace(format, options={})

    def finishing(self, format: Format) -> int:
        """The body is the file."""
        return 0

    def on_disk(self, format: Format) -> OnDisk:
        """Samples as they are."""
        return OnDisk(share=1)

    def offset(self, format: Format, index: int) -> int:
        """Rows lie behind the header in the order of the picture."""
        return len(_header_maker(format)(format)) + offset(index, format)

    def open(self, body: Path, plan: Plan, done: Record) -> SampleSink:
        """A sink on the body file."""
        return SampleSink(body, plan, done, _header_maker(plan.format)(plan.format))


WRITER = PamWriter()


def _header_maker(format: Format) -> Callable[[Format], bytes]:
    suffix = format.suffix
    wanted = CLASSIC_BANDS.get(suffix)
    if wanted is None:
        return header
    if format.bands not in wanted:
        holds = " or ".join({1: "grey", 3: "RGB"}[bands] for bands in wanted)
        raise UsageError(f"{suffix} holds {holds} without alpha, and this has {format.bands} bands; write .pam")
    return classic_header
