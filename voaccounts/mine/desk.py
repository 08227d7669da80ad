"""What people keep. No HTTP here."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import timedelta

from epntap.access import Caller, Scope
from epntap.catalog.model import Table
from epntap.connection import Connection
from epntap.errors import AuthenticationError, ForbiddenError, QueryTimeoutError
from epntap.settings import Settings
from epntap.upload.model import Budget, Limits, Source
from epntap.upload.read import read_uploads
from voaccounts.model import checked_text
from voaccounts.store.kept import KeptTable, checked_name, drop, keep, kept_of, prolong
from voaccounts.store.queries import SavedQuery, forget, save, saved_by

__all__ = ["Desk"]


@dataclass(frozen=True, slots=True)
class Desk:
    """Every method is for whoever asks, and for what is theirs."""

    #: lends a connection in the service role, autocommit
    connect: Callable[[], AbstractContextManager[Connection]]
    settings: Settings

    def tables(self, caller: Caller) -> list[Table]:
        """The tables of somebody, as their queries see them."""
        return [one.table for one in self.kept(caller)]

    def kept(self, caller: Caller) -> list[KeptTable]:
        """The tables of somebody."""
        _somebody(caller)
        with self.connect() as connection:
            return kept_of(connection, caller.name)

    def bring(self, caller: Caller, name: str, source: Source) -> KeptTable:
        """Keep a table, in any format of uploads. Raises UploadError, ParameterError."""
        _may_upload(caller)
        name, settings = checked_name(name), self.settings
        limits = Limits(
            settings.upload_rows, settings.upload_bytes, 1, settings.upload_fetch_s, settings.upload_private_addresses
        )
        budget = Budget(limits, time.monotonic() + settings.sync_timeout_s, _too_slow)
        (read,) = read_uploads([source], budget)
        with closing(read), self.connect() as connection:
            return keep(
                connection,
                caller.name,
                name,
                read.table,
                read.rows,
                lifetime=self._lifetime,
                most_rows=settings.mine_rows,
                most_bytes=settings.mine_bytes,
            )

    def prolong(self, caller: Caller, name: str) -> None:
        """Keep a table for another time. Raises NotFoundError."""
        _may_upload(caller)
        with self.connect() as connection:
            prolong(connection, caller.name, name, self._lifetime)

    def drop(self, caller: Caller, name: str) -> None:
        """Remove a table. Raises NotFoundError."""
        _may_upload(caller)
        with self.connect() as connection:
            drop(connection, caller.name, name)

    def queries(self, caller: Caller) -> list[SavedQuery]:
        """The queries of somebody."""
        _somebody(caller)
        with self.connect() as connection:
            return saved_by(connection, caller.name)

    def save(self, caller: Caller, name: str, query: str) -> None:
        """Keep a query by a name."""
        _may_upload(caller)
        with self.connect() as connection:
            save(connection, caller.name, checked_text("A name", name), query)

    def forget(self, caller: Caller, name: str) -> None:
        """Keep a query no more."""
        _may_upload(caller)
        with self.connect() as connection:
            forget(connection, caller.name, name)

    @property
    def _lifetime(self) -> timedelta:
        return timedelta(days=self.settings.mine_days)


def _somebody(caller: Caller) -> None:
    if caller.is_anonymous:
        raise AuthenticationError("Please sign in: what is kept belongs to somebody.")


def _may_upload(caller: Caller) -> None:
    _somebody(caller)
    if Scope.UPLOAD not in caller.scopes:
        raise ForbiddenError("This token does not do that; it lacks the scope 'upload'.")


def _too_slow() -> Exception:
    return QueryTimeoutError("The table did not come in time; please send a smaller one.")
