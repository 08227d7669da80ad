from __future__ import annotations

import re
from pathlib import Path

import pytest

from epntap.adql import translate
from epntap.adql.lexer import tokenize
from epntap.adql.tokens import FUNCTION_WORDS, STRUCTURE, Kind, Source
from epntap.catalog.model import Catalog, Column, Table
from epntap.catalog.names import RESERVED, written_name


def spellings(text: str) -> list[str]:
    tokens, problems = tokenize(Source(text))
    assert not problems
    assert tokens[-1].kind is Kind.END
    return [token.text for token in tokens[:-1]]


def complaints(text: str) -> list[str]:
    return [problem.message for problem in tokenize(Source(text))[1]]


@pytest.mark.parametrize("number", ["12", "12.", ".5", "12.3", "1e5", "1.5E-3", "12.e+5", "007"])
def test_numbers_are_one_token(number: str) -> None:
    tokens, _ = tokenize(Source(f"({number})"))
    assert [(t.kind, t.text) for t in tokens[1:2]] == [(Kind.NUMBER, number)]


def test_quotes_inside_quotes_are_written_twice() -> None:
    assert spellings("""'Earth''s' "a""b" '' """) == ["Earth's", 'a"b', ""]


def test_comments_and_blanks_separate_tokens() -> None:
    assert spellings("a--x 'y'\r\n\tb\u00a0c\u200b--z") == ["a", "b", "c"]


def test_two_minus_signs_begin_a_comment_even_between_numbers() -> None:
    assert spellings("1--2") == ["1"]


def test_typographic_quotes_are_quotes_outside_of_literals() -> None:
    assert spellings("\u2018a\u2019 \u201cb\u201d 'c\u2019d'") == ["a", "b", "c\u2019d"]


def test_operators_of_two_characters_are_one_token() -> None:
    assert spellings("a<>b!=c<=d>=e||f") == ["a", "<>", "b", "!=", "c", "<=", "d", ">=", "e", "||", "f"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("'open", "this string has no closing quote ' (a quote inside a string is written twice)"),
        ('"open', 'this name has no closing double quote "'),
        ('""', "a name in double quotes cannot be empty"),
        ("'a\0b'", "this string holds a NUL character, which cannot be stored or compared"),
        ("'\ud800'", "this string holds half of a character (a lone surrogate)"),
        ("_x", 'a name begins with a letter; write "_x" in double quotes'),
        ("1x", '1x is no number; a name that begins with a digit needs double quotes: "1x"'),
        ("12.e5x", '12.e5x is no number; a name that begins with a digit needs double quotes: "12.e5x"'),
        ("0x1F", "0x1F is no number: ADQL 2.1 has no hexadecimal literals"),
        ("a & b", "unexpected &: ADQL has no bitwise operators; write AND"),
        ("é", "unexpected letter é: names with other letters than a-z need double quotes"),
        ("\0", "unexpected character U+0000"),
        ("§", "unexpected character '§'"),
    ],
)
def test_what_is_no_token_is_explained(text: str, message: str) -> None:
    assert complaints(text) == [message]


def test_an_open_quote_is_one_problem_whatever_follows() -> None:
    assert len(complaints("SELECT 'a FROM \0 § ? ! WHERE")) == 1


def test_garbage_is_not_reported_character_by_character() -> None:
    assert len(complaints("§" * 1000)) == 10


def test_words_have_the_roles_of_the_standard() -> None:
    # 41 of ADQL and 226 of SQL-92, one of which (END-EXEC) is no identifier anyway
    assert len(RESERVED) == 41 + 226 - 1
    assert STRUCTURE <= RESERVED
    assert FUNCTION_WORDS <= RESERVED


@pytest.mark.shared
def test_the_reserved_words_are_those_of_the_standard(shared: Path) -> None:
    checklist = (shared / "standards/adql21_checklist.md").read_text()
    section = checklist.partition("## 8. Reserved words")[2].partition("## 9")[0]
    adql, _, sql92 = section.partition("SQL-92")
    lists = adql.partition("ADQL:")[2], sql92.partition("):")[2]
    words = {word for text in lists for word in re.findall(r"[A-Z][A-Z0-9_-]*", text)}
    assert words - RESERVED == {"END-EXEC"}
    assert words >= RESERVED


@pytest.mark.parametrize("word", ["sign", "bit_and", "bit_or", "bit_not", "bit_xor", "limit", "cbrt"])
def test_words_that_the_standard_does_not_reserve_are_names(word: str) -> None:
    """They were in drafts of ADQL 2.1, or are only in SQL."""
    table = Table("sample", "epn_core", (Column(word, "double", pg_type="double precision"),))
    query = f"SELECT t.{word} AS {word} FROM sample.epn_core AS t WHERE {word} > 0 ORDER BY {word}"
    translation = translate(query, Catalog(tables=(table,)))
    assert [column.name for column in translation.columns] == [word]
    assert written_name(word) == word
