"""A hundred thousand times: who guesses costs next to nothing, who signs in again and again leaves no heap behind."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from epntap.answer.admission import Admission
from epntap.db.pool import Database, Role, open_pool, pooled
from epntap.errors import AuthenticationError, TooOftenError
from tests.support.memory import peak_memory_bytes
from tests.support.people import PASSWORD, add
from voaccounts.accounts import Accounts
from voaccounts.proofs import passwords as module
from voaccounts.proofs.passwords import Passwords

pytestmark = pytest.mark.accept
COUNT = 100_000


def test_a_hundred_thousand_logins(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    add(database, "ann", "rpc")
    computed = [0]
    verified = module._verified

    def counted(stored: str, password: str) -> bool:
        computed[0] += 1
        return verified(stored, password)

    monkeypatch.setattr(module, "_verified", counted)
    before = peak_memory_bytes()
    pool = open_pool(database, Role.SERVICE, size=2, name="many")
    accounts = Accounts(lambda: pooled(pool), Passwords(Admission.of(16, 2).share("passwords", 1 / 4)), 3600)
    begun = time.process_time()
    for number in range(COUNT):
        with suppress(TooOftenError, AuthenticationError):
            accounts.sign_in(f"ann{number % 7}" if number % 2 else "ann", f"guess {number}", "203.0.113.7")
    guessing_s, guessed = time.process_time() - begun, computed[0]
    begun = time.process_time()
    for _ in range(COUNT):
        session = accounts.sign_in("ann", PASSWORD, "198.51.100.1")
    signing_s = time.process_time() - begun
    with pooled(pool) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM account.token), (SELECT count(*) FROM account.attempt)"
        ).fetchone()
    pool.close()
    print(f"\n{COUNT:,} guesses: {guessing_s:.0f} s here, {guessed} passwords computed; sign-ins: {signing_s:.0f} s")
    assert session.caller.groups == {"rpc"}
    assert guessed <= 100, "what is refused is not computed"
    assert computed[0] - guessed <= 20, "one that was right is computed again every five minutes"
    assert row is not None
    assert row[0] <= 20
    assert row[1] <= 30
    assert peak_memory_bytes() - before < 100_000_000
