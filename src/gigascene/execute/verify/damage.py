"""Where in a picture damage lies: bytes of the file told as pieces, rows, columns."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gigascene.execute.digests import Segments, Span, digests
from gigascene.execute.verify.places import JpegStrips, is_jpeg, is_tiff, tiff_pieces
from gigascene.execute.verify.proof import Proof
from gigascene.model.grid import Window

Part = tuple[Span, int | None]
"""Some bytes, and the piece that they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Something in a file that is not what was made."""

    what: str
    offset: int | None = None
    """First byte, where it is known."""

    length: int = 0
    piece: int | None = None


def damage_words(path: Path, proof: Proof, bad: Sequence[Part]) -> Iterable[Damage]:
    """Tell parts of a file that differ from its receipt, by the place they have in the picture."""
    if not bad:
        return ()
    if len(bad) == sum(1 for _ in proof.spans()) > 1:
        what = "nothing in it is as its receipt says: this is another picture, or the receipt is that of another"
        return (Damage(what=what, offset=0, length=proof.bytes),)
    if proof.in_place:
        return _in_place(proof, bad)
    header = [part for part in bad if part[0].offset < proof.index]
    if is_tiff(path) and not header and (places := _places(path, proof)):
        return _in_tiff(path, proof, bad, places)
    if is_jpeg(path):
        return _in_jpeg(path, proof, bad)
    return (_bytes(run, "its header" if run[0][0].offset < proof.index else "") for run in _runs(bad))


def piece_words(proof: Proof, first: int, last: int | None = None) -> str:
    """One piece, or several that follow each other."""
    last = first if last is None else last
    grid, count = proof.pieces, len(proof.checksums)
    numbers = f"piece {first + 1:,}" if first == last else f"pieces {first + 1:,} to {last + 1:,}"
    return f"{numbers} of {count:,} ({_window_words(grid[first], grid[last], proof.grid.shape[1])})"


def _window_words(first: Window, last: Window, width: int) -> str:
    rows = f"rows {first.top:,} to {last.bottom - 1:,}"
    whole = first.left == 0 and last.right == width
    return rows if whole else f"{rows}, columns {first.left:,} to {last.right - 1:,}"


def _in_place(proof: Proof, bad: Sequence[Part]) -> Iterator[Damage]:
    """Pieces that lie in the file as they were made, and what is between them."""
    for run in _runs(bad):
        (span, first), (_, last) = run[0], run[-1]
        if first is None:
            yield _bytes(run, "its header" if span.offset == 0 else "its end")
        elif proof.pieces.across == 1:
            words = piece_words(proof, first, last)
            differ = "differs" if first == last else "differ"
            yield Damage(what=f"{words} {differ}", offset=span.offset, length=_length(run), piece=first)
        else:
            for span, index in run:
                what = f"{piece_words(proof, index or 0)} differs"
                yield Damage(what=what, offset=span.offset, length=span.length, piece=index)


def _places(path: Path, proof: Proof) -> list[Segments]:
    """Of all pieces; none where the file's index is not ours."""
    try:
        return list(tiff_pieces(path, proof.pieces))
    except ValueError:
        return []


def _in_tiff(path: Path, proof: Proof, bad: Sequence[Part], places: Sequence[Segments]) -> Iterator[Damage]:
    """Pieces by the tile offsets of a header that is as it was; what no piece explains lies in the small overviews."""
    begins = [span.offset for span, _ in bad]
    touched = [index for index, segments in enumerate(places) if _touches(segments, bad, begins)]
    explained: set[int] = set()
    for index, found in zip(touched, digests(path, (places[index] for index in touched)), strict=True):
        if found == proof.checksums[index][-1]:
            continue
        explained |= _touches(places[index], bad, begins)
        begin, length = places[index][0]
        yield Damage(what=f"{piece_words(proof, index)} differs", offset=begin, length=length, piece=index)
    rest = [part for at, part in enumerate(bad) if at not in explained]
    yield from (_bytes(run, "its smaller overviews") for run in _runs(rest))


def _touches(segments: Segments, bad: Sequence[Part], begins: Sequence[int]) -> set[int]:
    """Those of the damaged spans that share bytes with these."""
    found = set()
    for offset, length in segments:
        at = max(bisect_left(begins, offset + 1) - 1, 0)
        while at < len(bad) and begins[at] < offset + length:
            if begins[at] + bad[at][0].length > offset:
                found.add(at)
            at += 1
    return found


def _in_jpeg(path: Path, proof: Proof, bad: Sequence[Part]) -> Iterator[Damage]:
    """Strips, by their restart markers."""
    strips, most = JpegStrips(path), len(proof.checksums) - 1
    for run in _runs(bad):
        begin, end = run[0][0].offset, run[0][0].offset + _length(run)
        if strips.end is not None and begin >= strips.end:
            yield _bytes(run, "its mask")
            continue
        first, last = (min(strips.strip(at), most) for at in (begin, end - 1))
        yield _bytes(run, f"something in {piece_words(proof, first, last)}")


def _runs(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Parts that follow each other without a gap and are of one kind, together."""
    run: list[Part] = []
    for part in parts:
        if run:
            span, index = run[-1]
            if span.offset + span.length != part[0].offset or (index is None) != (part[1] is None):
                yield run
                run = []
        run.append(part)
    if run:
        yield run


def _length(run: Sequence[Part]) -> int:
    return sum(span.length for span, _ in run)


def _bytes(run: Sequence[Part], where: str) -> Damage:
    offset, length = run[0][0].offset, _length(run)
    place = f"bytes {offset:,} to {offset + length - 1:,}"
    what = f"{where} differs ({place})" if where else f"{place} differ"
    return Damage(what=what.replace("overviews differs", "overviews differ"), offset=offset, length=length)
