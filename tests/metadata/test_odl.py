"""ODL, XML and the three forms of MTL: types, nesting, and input that lies."""

import json
from datetime import UTC, date, datetime, time
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gigascene.metadata import odl, safe_xml
from gigascene.model.errors import BadInput, exit_code
from gigascene.sensors import _landsat_mtl as mtl

SMALL = """GROUP = A
  /* a comment */
  INTEGER = -12
  PADDED = 02
  REAL = 1.2234E-02
  DAY = 2017-08-13
  MOMENT = 2017-08-14T04:22:58Z
  CLOCK = 15:54:15.7884640Z
  QUOTED = "02"
  WORDS = "a = b"
  BARE = UPPER
  LIST = (1, 2.5, "x, y",
          (3, Z))
  LONG = "over
    two lines"
  OBJECT = B
    VALUE = 1
  END_OBJECT = B
  OBJECT = B
    VALUE = 2
  END_OBJECT
END_GROUP = A
END
GROUP = IGNORED
"""


def test_types_and_nesting():
    assert odl.parse(SMALL, "x") == {
        "A": {
            "INTEGER": -12,
            "PADDED": 2,
            "REAL": 0.012234,
            "DAY": date(2017, 8, 13),
            "MOMENT": datetime(2017, 8, 14, 4, 22, 58, tzinfo=UTC),
            "CLOCK": time(15, 54, 15, 788464, tzinfo=UTC),
            "QUOTED": "02",
            "WORDS": "a = b",
            "BARE": "UPPER",
            "LIST": [1, 2.5, "x, y", [3, "Z"]],
            "LONG": "over\ntwo lines",
            "B": [{"VALUE": 1}, {"VALUE": 2}],
        }
    }


def test_the_same_key_in_two_groups_keeps_both_meanings():
    text = "GROUP = R\nGROUP = L2\nM = 2.75e-05\nEND_GROUP = L2\nGROUP = L1\nM = 2.0E-05\nEND_GROUP = L1\nEND_GROUP = R"
    assert odl.parse(text, "x")["R"] == {"L2": {"M": 2.75e-05}, "L1": {"M": 2.0e-05}}


@pytest.mark.parametrize(
    "text", ["0501706261080_00033", "1e", "1.2.3", "2017-13-01", "25:00:00", "nan", "inf", "-", ""]
)
def test_what_only_resembles_a_value_stays_text(text):
    assert odl.typed(text) == text


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("GROUP = A\nX = 1\n", 1, "GROUP A is never ended"),
        ("GROUP = A\nGROUP = B\nEND_GROUP = A\n", 3, "END_GROUP A does not end GROUP B of line 2"),
        ("GROUP = A\nEND_OBJECT = A\n", 2, "does not end GROUP A"),
        ("X = 1\nEND_GROUP = A\n", 2, "ends what never began"),
        ("GROUP = A\nX = 1\nX = 2\nEND_GROUP = A\n", 3, "X stands twice"),
        ("GROUP = A\nX = 1\nGROUP = X\nEND_GROUP = X\nEND_GROUP = A\n", 4, "both a value and a group"),
        ("\nnonsense\n", 2, "'nonsense' is not 'key = value'"),
        ('X = 1\nY = "never ended\nmore\n', 2, "the value of Y is never ended"),
        ("Y = (1, 2\nmore\n", 1, "the value of Y is never ended"),
        ("Y = (1) 2\n", 1, "'2' follows the end of a list"),
        ("Y = " + "(" * 50 + ")" * 50, 1, "nested deeper"),
        ("GROUP = A\n" * 50, 33, "nested deeper"),
        ("", 1, "holds no metadata"),
        ("END\n", 1, "holds no metadata"),
    ],
)
def test_lies_are_told_with_file_and_line(text, line, words):
    with pytest.raises(BadInput, match=f"line {line}: .*") as caught:
        odl.parse(text, "some_MTL.txt")
    assert words in str(caught.value)
    assert "some_MTL.txt" in str(caught.value)
    assert exit_code(caught.value) == 4


names = st.from_regex(r"[A-Z][A-Z0-9_]{0,12}", fullmatch=True).filter(
    lambda name: name not in {"END", "GROUP", "OBJECT", "END_GROUP", "END_OBJECT"}
)
words = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"'), max_size=20).map(str.strip)
leaves = st.one_of(
    st.integers(-(10**17), 10**17),
    st.floats(allow_nan=False, allow_infinity=False),
    st.dates(date(1000, 1, 1)),
    st.times(timezones=st.just(UTC)),
    words,
)
groups = st.recursive(leaves, lambda inner: st.dictionaries(names, inner, min_size=1, max_size=4), max_leaves=20)
trees = st.dictionaries(names, groups, min_size=1, max_size=4)


def as_odl(tree):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield f"GROUP = {key}"
            yield from as_odl(value)
            yield f"END_GROUP = {key}"
        else:
            yield f"{key} = {plain(value) if not isinstance(value, str) else f'{chr(34)}{value}{chr(34)}'}"


def plain(value):
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, date | time) else str(value)


@given(trees)
def test_what_is_written_is_read(tree):
    assert odl.parse("\n".join(as_odl(tree)), "x") == tree


@given(st.text(st.sampled_from('AB=(){}",\n /*012.:-TZEND_GROUPOBJCT'), max_size=200))
def test_any_text_is_read_or_refused(text):
    try:
        assert isinstance(odl.parse(text, "x"), dict)
    except BadInput as error:
        assert "line" in str(error)


def as_json(tree):
    return {key: as_json(value) if isinstance(value, dict) else plain(value) for key, value in tree.items()}


def as_xml(tree):
    content = ((key, as_xml(value) if isinstance(value, dict) else escape(plain(value))) for key, value in tree.items())
    return "".join(f"<{key}>{value}</{key}>" for key, value in content)


@given(trees)
def test_the_three_forms_of_mtl_agree(tree):
    whole = {"LANDSAT_METADATA_FILE": tree}
    text = mtl.parse("a_MTL.txt", "\n".join(as_odl(whole)).encode())
    assert mtl.parse("a_MTL.json", json.dumps(as_json(whole)).encode()) == text
    assert mtl.parse("a_MTL.xml", as_xml(whole).encode()) == text


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a_MTL.json", b'{"LANDSAT_METADATA_FILE": {"A": 1, "A": 2}}', "A stands twice"),
        ("a_MTL.json", b'{"LANDSAT_METADATA_FILE": {"A": NaN}}', "NaN is no number"),
        ("a_MTL.json", b'{\n"LANDSAT_METADATA_FILE": ', "line 2"),
        ("a_MTL.json", b"[" * 100_000, "nested too deeply"),
        ("a_MTL.json", b"[1]", "is no Landsat metadata"),
        ("a_MTL.json", b"\xff\xfe\xfd", "is not proper JSON"),
        ("a_MTL.txt", b"A = 1\nB = \xff\n", "line 2: is not text"),
        ("a_MTL.txt", b"A = 1\n", "is no Landsat metadata"),
        ("a_MTL.xml", b"<LANDSAT_METADATA_FILE>\n<A></B>", "line 2"),
        ("a_MTL.xml", b"", "line 1"),
        ("a_MTL.xml", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "document type or entity"),
        ("a_MTL.xml", b"<x>" * 80 + b"</x>" * 80, "nested deeper"),
        ("a_MTL.yaml", b"", ".txt, .json or .xml"),
    ],
)
def test_mtl_that_is_none(name, data, words):
    with pytest.raises(BadInput) as caught:
        mtl.parse(name, data)
    assert words in str(caught.value)
    assert name in str(caught.value)


def test_xml_keeps_attributes_and_repeated_elements():
    data = b"<n:a xmlns:n='urn:x' v='1'><b id='0'>-1000</b><b id='1'>-900</b><c/>text</n:a>"
    assert safe_xml.parse(data, "x") == {
        "a": {"@v": "1", "b": [{"@id": "0", "#text": "-1000"}, {"@id": "1", "#text": "-900"}], "c": ""}
    }
    assert safe_xml.parse(b"<a>x<b>1</b></a>", "x") == {"a": {"b": "1", "#text": "x"}}


def test_groups_are_found_under_any_of_their_names():
    tree = {"THERMAL_CONSTANTS": {"K1": 1}, "NOT_A_GROUP": 2}
    assert mtl.group(tree, "TIRS_THERMAL_CONSTANTS", "THERMAL_CONSTANTS") == {"K1": 1}
    assert mtl.group(tree, "NOT_A_GROUP", "NONE") == {}
    assert mtl.first({"B": None}, "A", "B") is None
