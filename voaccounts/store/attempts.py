"""Wrong passwords of the last minutes: account.attempt. What names they were for is not to be read from it."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping

from epntap.connection import Connection
from epntap.errors import TooOftenError

__all__ = ["failed", "network_of", "refuse_guessing", "registered", "succeeded"]

#: seconds in which failures add up, and for which who has failed too often waits
WINDOW_S = 300
#: wrong passwords for one name from one address, for one name from anywhere, from one address for any name
MOST: Mapping[str, int] = {"both": 10, "name": 100, "client": 50}

_MOST_REGISTERED = 5
_RECENT = "known.since > now() - make_interval(secs => %(window)s)"


def refuse_guessing(connection: Connection, name: str, client: str) -> None:
    """Raises TooOftenError, before anything is computed, for a name or an address with too many wrong passwords."""
    keys = _keys(name, client)
    rows = connection.execute(
        "SELECT key, failures, extract(epoch FROM since + make_interval(secs => %(window)s) - now())::float8 "
        "FROM account.attempt WHERE key = ANY (%(keys)s) AND since > now() - make_interval(secs => %(window)s)",
        {"keys": list(keys), "window": WINDOW_S},
    )
    waits = [left for key, failures, left in rows if failures >= MOST[keys[key]]]
    if waits:
        seconds = max(1, int(max(waits)) + 1)
        raise TooOftenError(f"There were too many wrong passwords; please try again in {seconds} seconds.", seconds)


def failed(connection: Connection, name: str, client: str) -> None:
    """A password was wrong."""
    connection.execute(
        # in one order, which is that of whoever else counts them
        "INSERT INTO account.attempt AS known (key, failures, since) "  # noqa: S608
        "SELECT key, 1, now() FROM unnest(%(keys)s::text[]) AS key ORDER BY key ON CONFLICT (key) DO UPDATE SET "
        f"failures = CASE WHEN {_RECENT} THEN known.failures + 1 ELSE 1 END, "
        f"since = CASE WHEN {_RECENT} THEN known.since ELSE now() END",
        {"keys": list(_keys(name, client)), "window": WINDOW_S},
    )
    connection.execute("DELETE FROM account.attempt WHERE since < now() - make_interval(secs => %s)", (2 * WINDOW_S,))


def succeeded(connection: Connection, name: str, client: str) -> None:
    """A password was right: what this address got wrong before is forgiven for this name."""
    keys = [key for key, what in _keys(name, client).items() if what == "both"]
    connection.execute("DELETE FROM account.attempt WHERE key = ANY (%s)", (keys,))


def registered(connection: Connection, client: str) -> int:
    """Somebody registers from an address; the seconds to wait where too many have, else 0."""
    key = hashlib.sha256(f"registration\0{network_of(client)}".encode("utf-8", "replace")).hexdigest()
    row = connection.execute(
        "INSERT INTO account.attempt AS known (key, failures, since) "  # noqa: S608
        "VALUES (%(key)s, 1, now()) ON CONFLICT (key) DO UPDATE SET "
        f"failures = CASE WHEN {_RECENT} THEN known.failures + 1 ELSE 1 END, "
        f"since = CASE WHEN {_RECENT} THEN known.since ELSE now() END "
        "RETURNING failures",
        {"key": key, "window": WINDOW_S},
    ).fetchone()
    return WINDOW_S if row is not None and row[0] > _MOST_REGISTERED else 0


def _keys(name: str, client: str) -> Mapping[str, str]:
    """Digest → what it is of."""
    network = network_of(client)
    said = {"both": f"{name}\0{network}", "name": name, "client": network}
    return {
        hashlib.sha256(f"{what}\0{text}".encode("utf-8", "replace")).hexdigest(): what for what, text in said.items()
    }


def network_of(client: str) -> str:
    """What one person has of addresses: of IPv6, which gives everybody 2⁶⁴, the network."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
