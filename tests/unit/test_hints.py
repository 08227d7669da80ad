"""One way of saying what was perhaps meant, and one way of choosing a format."""

from dataclasses import dataclass

import pytest

from epntap.errors import ParameterError
from epntap.formats.choice import FormatTable
from epntap.hints import did_you_mean, nearest, one_line
from tests.support.source import modules


@dataclass(frozen=True)
class Form:
    media_type: str
    names: tuple[str, ...]


TABLE = Form("application/x-votable+xml", ("votable",))
BINARY = Form("application/x-votable+xml;serialization=binary2", ("votable/b2",))
CSV = Form("text/csv;header=present", ("csv", "text/csv"))
ALL = (TABLE, BINARY, CSV)


def test_the_likeliest_word_is_suggested_as_it_is_spelled() -> None:
    assert did_you_mean("TARGETNAME", ["target_class", "Target_Name"]) == " Did you mean 'Target_Name'?"
    assert did_you_mean("nothing like it", ["target_class"]) == ""


def test_several_words_come_best_first() -> None:
    assert nearest("lowr", ["POWER", "UPPER", "LOWER"], most=2) == ["LOWER", "POWER"]


def test_a_text_that_is_no_name_is_not_compared() -> None:
    assert nearest("a" * 257, ["a" * 256]) == []


@pytest.mark.parametrize(
    ("name", "form"),
    [
        (None, TABLE),
        ("", TABLE),
        ("VOTable", TABLE),
        (' application/x-votable+xml; Serialization="BINARY2"', BINARY),
        ("text/csv", CSV),
        ("text/csv; charset=UTF-8; header=absent", CSV),
    ],
)
def test_a_format_is_found_by_any_of_its_names(name: str | None, form: Form) -> None:
    assert FormatTable(ALL, "FORMAT").choose(name) is form


def test_parameters_matter_only_where_there_are_variants() -> None:
    asked = "application/x-votable+xml;content=datalink"
    assert FormatTable((TABLE, CSV), "RESPONSEFORMAT", variants=False).choose(asked) is TABLE
    with pytest.raises(ParameterError):
        FormatTable(ALL, "RESPONSEFORMAT").choose(asked)


def test_what_is_not_offered_is_said_with_what_is() -> None:
    with pytest.raises(ParameterError) as caught:
        FormatTable(ALL, "FORMAT", what=" for links").choose("cvs")
    said = "FORMAT 'cvs' is not offered for links; expected one of votable, votable/b2, csv. Did you mean 'csv'?"
    assert str(caught.value) == said


def test_nobody_else_compares_names() -> None:
    assert [path for path, text in modules() if "difflib" in text] == ["epntap/hints.py"]


def test_what_terminals_obey_is_left_out() -> None:
    assert one_line(" a\n b\x1b]0;t\x07\x9b2J\u202e é\u2028") == "a b ]0;t 2J é"
