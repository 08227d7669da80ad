"""Where a form may lead to, and whose forms are taken."""

from __future__ import annotations

import flask
import pytest

from epntap.addresses import Addresses
from epntap.errors import ForbiddenError
from epntap.http.callers.forms import FIELD, Forms, local_path

FORMS = Forms(lambda: b"k" * 32, Addresses("https://data.example.org"))
APP = flask.Flask("test")
OUTSIDE = [
    "https://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
    "/\t/evil.example", "/\n/evil.example", " //evil.example", "javascript:alert(1)", "evil.example", "", None,
    "/%0d%0aSet-Cookie:x\r\nX: y", "http:evil.example", "/\u2028\\x", "@evil.example", "/" + "x" * 3000, "/a\x7f",
    "/\x85/evil.example", ".//evil.example",
]  # fmt: skip


@pytest.mark.parametrize("text", OUTSIDE)
def test_no_address_leads_elsewhere(text: str | None) -> None:
    assert local_path(text, "/account") == "/account"


@pytest.mark.parametrize("text", ["/", "/datasets?q=a%20b&page=2", "/jobs/abc", "/search?q=é", "/a//b"])
def test_addresses_of_this_service_do(text: str) -> None:
    assert local_path(text, "/account") == text


def posted(word: str, cookie: str = "", **headers: str) -> None:
    given = {"Cookie": cookie, "Host": "data.example.org", **headers}
    with APP.test_request_context("/x", method="POST", data={FIELD: word}, headers=given):
        FORMS.check()


def word_for(cookie: str) -> tuple[str, str]:
    """The word of a page that is shown to this browser, and the cookie that it has then."""
    with APP.test_request_context("/x", headers={"Cookie": cookie}):
        word = FORMS.word()
        response = FORMS.keep(flask.Response())
        set_cookie = response.headers.get("Set-Cookie", "")
        assert not set_cookie or {"HttpOnly", "Secure", "SameSite=Strict"} <= set(set_cookie.split("; "))
        return word, set_cookie.partition(";")[0] or cookie


def test_a_form_of_the_page_is_taken() -> None:
    for before in ("", "epntap_session=abc"):
        word, cookie = word_for(before)
        posted(word, cookie)
        posted(word, cookie, Origin="https://data.example.org")


def test_other_forms_are_not() -> None:
    word, cookie = word_for("epntap_session=abc")
    early, early_cookie = word_for("")
    for given in (("", cookie), (word + "0", cookie), (word, ""), (word, "epntap_session=other"), (early, cookie)):
        with pytest.raises(ForbiddenError):
            posted(*given)
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        with pytest.raises(ForbiddenError):
            posted(word, cookie, **headers)
    posted(early, early_cookie)
