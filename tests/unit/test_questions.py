"""What is kept of questions that were understood: for whom, until when, and how much."""

from __future__ import annotations

from psycopg import sql

from epntap import adql
from epntap.catalog.model import Catalog, Column, Schema, Table
from epntap.db.rows.copy_statement import CopyStatement
from epntap.formats.negotiate import choose_format
from epntap.tap.query.questions import Key, Question, Questions

HERE = "https://here"
CATALOG = Catalog((Schema("s"),), (Table("s", "t", (Column("a", "char"),)),))
QUERY = "SELECT a FROM s.t"


class Known(CopyStatement):
    """One that was run and has so many bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(sql.SQL("SELECT 1"), {}, sql.SQL("FORMAT csv"))
        self._text = b" " * size


def key(query: str = QUERY, base: str = HERE, limit: int = 11, passed_over: int = 0, form: str = "csv") -> Key:
    return Key(query, base, limit, passed_over, choose_format(form)[0])


def question(size: int = 100) -> Question:
    return Question(adql.translate(QUERY, CATALOG), Known(size), [])


def test_a_question_is_known_to_who_asks_the_same() -> None:
    questions, asked = Questions(), question()
    assert questions.known(key(), CATALOG) is None
    questions.keep(key(), CATALOG, asked)
    assert questions.known(key(), CATALOG) is asked
    others = (
        key("SELECT a, a FROM s.t"),
        key(base="https://there"),
        key(limit=12),
        key(passed_over=5),
        key(form="tsv"),
    )
    assert [questions.known(other, CATALOG) for other in others] == [None] * 5


def test_what_is_published_makes_all_of_them_unknown() -> None:
    questions = Questions()
    questions.keep(key(), CATALOG, question())
    again = Catalog(CATALOG.schemas, CATALOG.tables)
    assert questions.known(key(), again) is None, "another one, even if it says the same"
    questions.keep(key("SELECT a AS b FROM s.t"), again, question())
    assert questions.known(key(), again) is None
    assert questions.known(key(), CATALOG) is None, "nothing is kept of what was"


def test_as_many_are_kept_as_fit_and_the_last_asked_stay() -> None:
    questions = Questions()
    for number in range(300):
        questions.keep(key(limit=number), CATALOG, question())
        questions.known(key(limit=0), CATALOG)
    known = [number for number in range(300) if questions.known(key(limit=number), CATALOG) is not None]
    assert known == [0, *range(45, 300)]


def test_long_ones_are_bounded_by_their_bytes_and_very_long_ones_are_not_kept() -> None:
    questions = Questions()
    for number in range(40):
        questions.keep(key(limit=number), CATALOG, question(60_000))
    known = [number for number in range(40) if questions.known(key(limit=number), CATALOG) is not None]
    assert known == list(range(23, 40)), "a megabyte"
    questions.keep(key("very long"), CATALOG, question(70_000))
    long = key(f"{QUERY} -- {'x' * 70_000}")
    questions.keep(long, CATALOG, question())
    assert questions.known(key("very long"), CATALOG) is None
    assert questions.known(long, CATALOG) is None


def test_one_that_two_threads_have_understood_counts_once() -> None:
    questions = Questions()
    for _ in range(40):
        questions.keep(key(), CATALOG, question(60_000))
    questions.keep(key(limit=5), CATALOG, question())
    assert questions.known(key(), CATALOG) is not None
