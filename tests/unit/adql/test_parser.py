from __future__ import annotations

import pytest

from epntap.adql import nodes, parse
from epntap.errors import AdqlError


def where(condition: str) -> nodes.Condition:
    body = parse(f"SELECT a FROM t WHERE {condition}").body
    assert isinstance(body, nodes.Select)
    assert body.where is not None
    return body.where


def value(text: str) -> nodes.Value:
    body = parse(f"SELECT {text} FROM t").body
    assert isinstance(body, nodes.Select)
    item = body.items[0]
    assert isinstance(item, nodes.Item)
    return item.value


def test_not_binds_tighter_than_and_and_and_tighter_than_or() -> None:
    condition = where("NOT a = 1 AND b = 2 OR c = 3")
    assert isinstance(condition, nodes.Or)
    conjunction = condition.operands[0]
    assert isinstance(conjunction, nodes.And)
    assert isinstance(conjunction.operands[0], nodes.Not)


def test_not_takes_a_whole_between() -> None:
    condition = where("NOT x BETWEEN 1 AND 2 AND y = 1")
    assert isinstance(condition, nodes.And)
    negation = condition.operands[0]
    assert isinstance(negation, nodes.Not)
    assert isinstance(negation.operand, nodes.Between)


def test_products_bind_tighter_than_sums_and_both_than_concatenation() -> None:
    text = value("a || b + c * d")
    assert isinstance(text, nodes.Concatenation)
    total = text.operands[1]
    assert isinstance(total, nodes.Arithmetic)
    assert total.operators == ("+",)
    assert isinstance(total.operands[1], nodes.Arithmetic)


def test_chains_are_flat_and_evaluated_from_the_left() -> None:
    chain = value("1 - 2 + 3")
    assert isinstance(chain, nodes.Arithmetic)
    assert chain.operators == ("-", "+")


def test_a_sign_belongs_to_what_follows() -> None:
    product = value("2 * -x")
    assert isinstance(product, nodes.Arithmetic)
    assert isinstance(product.operands[1], nodes.Sign)


def test_two_signs_in_a_row_are_no_adql() -> None:
    with pytest.raises(AdqlError, match="expected a value but found '-'"):
        parse("SELECT - -1 FROM t")


def test_intersect_binds_tighter_than_union() -> None:
    body = parse("SELECT a FROM t UNION SELECT a FROM u INTERSECT SELECT a FROM v").body
    assert isinstance(body, nodes.SetOperation)
    assert body.operator == "UNION"
    assert isinstance(body.right, nodes.SetOperation)


def test_union_and_except_associate_to_the_left() -> None:
    body = parse("SELECT a FROM t UNION SELECT a FROM u EXCEPT SELECT a FROM v").body
    assert isinstance(body, nodes.SetOperation)
    assert body.operator == "EXCEPT"
    assert isinstance(body.left, nodes.SetOperation)


def test_nodes_know_where_they_stand() -> None:
    text = "SELECT a FROM t WHERE LOWER(b) = 'x'"
    body = parse(text).body
    assert isinstance(body, nodes.Select)
    assert isinstance(body.where, nodes.Comparison)
    start, end = body.where.left.span
    assert text[start:end] == "LOWER(b)"


def test_limit_is_an_ordinary_name_unless_a_number_follows() -> None:
    body = parse("SELECT limit FROM t AS limit").body
    assert isinstance(body, nodes.Select)


def test_huge_row_counts_are_read_as_the_largest_possible() -> None:
    body = parse("SELECT TOP 99999999999999999999999 a FROM t OFFSET 0").body
    assert isinstance(body, nodes.Select)
    assert body.top == 2**63 - 1


@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + "(" * 5000 + "1" + ")" * 5000 + " FROM t",
        "SELECT a FROM t WHERE " + "NOT " * 5000 + "a = 1",
        "SELECT a FROM t WHERE " + "NOT (" * 5000 + "a = 1" + ")" * 5000,
        "SELECT " + "ABS(" * 5000 + "1" + ")" * 5000 + " FROM t",
        "SELECT " + "CASE WHEN a = 1 THEN " * 5000 + "1" + " END" * 5000 + " FROM t",
        "SELECT a FROM " + "(" * 5000 + "t" + ")" * 5000,
        "SELECT a FROM " + "(SELECT a FROM " * 5000 + "t" + ") AS q" * 5000,
        "(" * 5000 + "SELECT a FROM t" + ")" * 5000,
        "SELECT a FROM t WHERE a IN " + "(SELECT a FROM t WHERE a IN " * 5000 + "(1)" + ")" * 5000,
        "SELECT a FROM t" + " JOIN t" * 5000,
    ],
    ids=["parens", "not", "not-parens", "calls", "case", "from", "derived", "query", "in", "join"],
)
def test_a_bottomless_query_is_refused_not_crashed(text: str) -> None:
    with pytest.raises(AdqlError, match="nested more than 64 levels"):
        parse(text)


@pytest.mark.parametrize(("joint", "what"), [(" JOIN t ON a = b", "joins"), (", t", "tables")])
def test_a_long_from_is_refused(joint: str, what: str) -> None:
    with pytest.raises(AdqlError, match=f"more than 64 {what}"):
        parse("SELECT a FROM t" + joint * 1000)


def test_a_chain_of_set_operations_is_bounded() -> None:
    with pytest.raises(AdqlError, match="more than 64 set operations"):
        parse("SELECT a FROM t" + " UNION SELECT a FROM t" * 1000)
