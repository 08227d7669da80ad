"""Addresses as they are published: clients have written them down, so that none may change unnoticed."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from epntap.addresses import Addresses, around_uid, file_place

HERE = Addresses("https://example.org/~epn")
STORED = Addresses()


def test_addresses_of_a_granule() -> None:
    assert STORED.data("a+b_20161231", "cdf", "amdadb") == "/data/amdadb/a%2Bb_20161231.cdf"
    assert HERE.data("x", "vot", None) == "https://example.org/~epn/data/x.vot"
    assert STORED.links("a+b", None) == "/datalink/links?ID=a%2Bb"
    assert HERE.links("a/b", "one") == "https://example.org/~epn/datalink/links?ID=a%2Fb&SCHEMA=one"


def test_addresses_of_services() -> None:
    assert HERE.tap() == "https://example.org/~epn/tap"
    assert HERE.tap("sync") == "https://example.org/~epn/tap/sync"
    assert HERE.links() == "https://example.org/~epn/datalink/links"
    assert HERE.soda() == "https://example.org/~epn/datalink/soda/sync"
    assert HERE.soda("async") == "https://example.org/~epn/datalink/soda/async"
    assert HERE.hapi() == "https://example.org/~epn/datalink/hapi"


def test_a_cut_out_names_what_was_asked_for_in_order() -> None:
    asked_for = [("ID", "a b"), ("PARAMETERS", "B,T")]
    assert STORED.cutout(asked_for, None) == "/datalink/soda/sync?ID=a+b&PARAMETERS=B%2CT"
    assert STORED.cutout(asked_for, "amdadb").endswith("&PARAMETERS=B%2CT&SCHEMA=amdadb")


def test_what_is_stored_is_relative_and_what_is_elsewhere_stays_there() -> None:
    assert HERE.absolute("/files/a/b.lbl") == "https://example.org/~epn/files/a/b.lbl"
    assert HERE.absolute("http://elsewhere.org/x") == "http://elsewhere.org/x"


@given(st.text(min_size=1), st.sampled_from([None, "amdadb"]))
def test_an_identifier_comes_back_from_its_address(uid: str, schema: str | None) -> None:
    uid = uid.encode(errors="replace").decode()
    query = dict(parse_qsl(urlsplit(HERE.links(uid, schema)).query, keep_blank_values=True))
    assert query == {"ID": uid} | ({"SCHEMA": schema} if schema else {})
    place = f"{schema}/" if schema else ""
    assert unquote(urlsplit(STORED.data(uid, "cdf", schema)).path) == f"/data/{place}{uid}.cdf"


@given(st.text(min_size=1))
def test_a_file_is_found_again(path: str) -> None:
    path = path.encode(errors="replace").decode()
    assert file_place(STORED.file("amdadb", path)) == ("amdadb", path)
    assert file_place(f"/data/{path}") is None


def test_an_address_is_taken_apart_around_its_identifier() -> None:
    before, after = around_uid(lambda uid: HERE.links(uid, "amdadb"))
    assert f"{before}x_20161231{after}" == HERE.links("x_20161231", "amdadb")


def test_pages_of_datasets_and_granules_are_one_part_of_a_path() -> None:
    assert HERE.dataset_page("demo", "sync-mag") == "https://example.org/~epn/datasets/demo/sync-mag"
    assert STORED.granule_page("demo", "a/b c?d") == "/granules/demo/a%2Fb%20c%3Fd"
