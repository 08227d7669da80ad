"""Passwords, tokens and cookies, without a database."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from epntap.access import Credentials
from epntap.answer.admission import Admission
from epntap.errors import ParameterError, UnavailableError
from epntap.http.callers.signed import SignedPaths
from voaccounts.model import Kind, SignInFacts, checked_person, checked_team, checked_text
from voaccounts.proofs import passwords as module
from voaccounts.proofs.cookies import signed, token_in
from voaccounts.proofs.passwords import Passwords, checked_password, hashed
from voaccounts.proofs.tokens import digest_of, is_token, new_token

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

SECRET = "correct horse battery"  # no secret of anybody
STORED = hashed(SECRET)
KEY = b"k" * 32


def passwords(now: list[float] | None = None) -> Passwords:
    places = Admission.of(16, 2).share("passwords", 1 / 4, computes=True)
    return Passwords(places, *([lambda: now[0]] if now else []))


def test_a_password_is_stored_with_argon2id_and_another_salt_each_time() -> None:
    assert STORED.startswith("$argon2id$")
    assert SECRET not in STORED
    assert hashed(SECRET) != STORED


def test_nobody_takes_as_much_work_as_somebody() -> None:
    # only the parameters decide how long it takes; the stored text of nobody has the same
    assert module._NOBODY.split("$")[1:4] == STORED.split("$")[1:4]
    assert not module._HASHER.check_needs_rehash(module._NOBODY)


def test_only_the_right_password_is_right_and_nobody_has_one() -> None:
    known = passwords()
    assert known.is_right("ann", SECRET, STORED)
    assert not known.is_right("ann", SECRET + "x", STORED)
    assert not known.is_right("ann", SECRET, None)
    assert not known.is_right("ann", SECRET, "no hash at all")


def test_what_was_right_is_remembered_for_five_minutes_and_for_what_is_stored_now() -> None:
    now = [1000.0]
    known = passwords(now)
    assert not known.is_known("ann", SECRET, STORED)
    assert known.is_right("ann", SECRET, STORED)
    assert known.is_known("ann", SECRET, STORED)
    assert not known.is_known("ann", SECRET + "x", STORED)
    assert not known.is_known("bob", SECRET, STORED)
    assert not known.is_known("ann", SECRET, hashed(SECRET)), "it was changed, if to the same"
    assert not known.is_known("ann", SECRET, None), "the account was disabled"
    now[0] += 301
    assert not known.is_known("ann", SECRET, STORED)


def test_what_is_remembered_is_no_password() -> None:
    known = passwords()
    known.is_right("ann", SECRET, STORED)
    assert SECRET.encode() not in b"".join(known._known)
    assert all(len(key) == 32 for key in known._known)


def test_at_most_two_are_computed_at_once_and_who_waits_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    busy, most, lock, go = [0], [0], threading.Lock(), threading.Event()

    def slow(_stored: str, _password: str) -> bool:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        go.wait(10)
        with lock:
            busy[0] -= 1
        return False

    monkeypatch.setattr(module, "_verified", slow)
    known = passwords()
    threads = [threading.Thread(target=known.is_right, args=("ann", "x", STORED)) for _ in range(4)]
    for thread in threads:
        thread.start()
    while known._places.in_use < 4:
        threading.Event().wait(0.01)
    with pytest.raises(UnavailableError) as refused:
        known.is_right("ann", "x", STORED)
    assert refused.value.retry_after_s == 2
    go.set()
    for thread in threads:
        thread.join()
    assert most == [2]
    assert known._places.in_use == 0


def test_tokens_differ_and_are_kept_as_digests() -> None:
    one, other = new_token(Kind.APPLICATION), new_token(Kind.APPLICATION)
    assert one != other
    assert is_token(one)
    assert not is_token(SECRET)
    assert not is_token("ept_" + "x" * 1000)
    assert one not in digest_of(one)
    assert digest_of(one) != digest_of(other)


def test_only_what_was_signed_here_is_a_cookie() -> None:
    token = new_token(Kind.SESSION)
    cookie = signed(KEY, token)
    assert token_in(KEY, cookie) == token
    for wrong in ("", token, cookie[:-1], f"{cookie}x", signed(b"o" * 32, token), cookie.replace("eps", "epx"), "é.é"):
        assert token_in(KEY, wrong) is None


@pytest.mark.parametrize(
    "text", ["", ".x", "a b", "a\r\nSet-Cookie: x=1", "a\0", "ä", "a:b", "a,b", 'a"b', "x" * 64, "a/b", "a\n"]
)
def test_a_name_that_could_be_anything_else_is_refused(text: str) -> None:
    if text.strip() != "a":
        with pytest.raises(ParameterError):
            checked_person(text)
    with pytest.raises(ParameterError):
        checked_team(f"{text}@")


def test_names_are_in_small_letters() -> None:
    assert checked_person(" Ann.Lee@irap.example ") == "ann.lee@irap.example"
    assert checked_team("RPC-Team") == "rpc-team"


def test_texts_stay_on_one_line() -> None:
    assert checked_text("A name", "a\r\nX-Header: 1\u2028b") == "a  X-Header: 1 b"
    with pytest.raises(ParameterError, match="may have 200 characters"):
        checked_text("A name", "x" * 201)


def test_a_new_password_is_long_enough_and_is_not_repeated() -> None:
    for wrong in ("short", "x" * 1001):
        with pytest.raises(ParameterError) as refused:
            checked_password(wrong)
        assert wrong not in refused.value.message
    with pytest.raises(ParameterError):
        checked_password("Ann.Lee@irap", "ann.lee@irap")
    assert checked_password(SECRET) == SECRET


def test_credentials_are_not_printed() -> None:
    given = Credentials(authorization="Basic abc", cookie="eps_x", name_and_password=("ann", SECRET))
    assert repr(given) == "Credentials(…)"
    assert STORED not in repr(SignInFacts("ann", STORED, is_disabled=False, groups=frozenset()))


def test_no_signature_is_left_in_what_web_servers_log() -> None:
    seen: list[WSGIEnvironment] = []

    def app(environ: WSGIEnvironment, _start: object) -> list[bytes]:
        seen.append(dict(environ))
        return []

    paths = SignedPaths(app)
    address = "/signed/said.by.ann/data/a%20b.csv?ID=%C3%A9"
    environ = {"PATH_INFO": "/signed/said.by.ann/data/a b.csv", "QUERY_STRING": "ID=%C3%A9", "RAW_URI": address}
    paths(environ, lambda *_: lambda _: None)
    (left,) = seen
    assert (left["PATH_INFO"], left["RAW_URI"]) == ("/data/a b.csv", "/data/a%20b.csv?ID=%C3%A9")
    assert "REQUEST_URI" not in left
