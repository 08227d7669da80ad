"""Whether a login may set up a database, told before anything is done."""

from __future__ import annotations

from collections.abc import Sequence

from epntap.connection import Connection
from epntap.errors import SetupError

__all__ = ["refuse_without_rights"]

_LOGIN = """
SELECT current_user, current_database(), rolsuper, rolsuper OR rolcreaterole,
       pg_has_role(datdba, 'USAGE')
FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()
"""
# SET: since PostgreSQL 16 a member may not always act as the role
_ROLES = """
SELECT rolname, pg_has_role(current_user, oid, CASE WHEN %(version)s >= 160000 THEN 'SET' ELSE 'MEMBER' END),
       pg_has_role(current_user, oid, 'MEMBER WITH ADMIN OPTION'),
       has_database_privilege(oid, current_database(), 'CREATE')
FROM pg_roles WHERE rolname = ANY (%(names)s)
"""


def refuse_without_rights(connection: Connection, roles: Sequence[str]) -> None:
    """Raises SetupError for a login that cannot make the roles (owner first), act as them or let them make schemas."""
    row = connection.execute(_LOGIN).fetchone()
    assert row is not None
    login, database, is_superuser, may_create_roles, owns = row
    version = connection.info.server_version
    found = {one[0]: one[1:] for one in connection.execute(_ROLES, {"version": version, "names": list(roles)})}
    missing = [name for name in roles if name not in found]
    if missing and not may_create_roles:
        names = ", ".join(missing)
        raise SetupError(
            f"The login {login} may not create the roles {names}; let a superuser run ALTER ROLE {login} CREATEROLE, "
            f"or create them and run GRANT {names} TO {login}."
        )
    # before PostgreSQL 16 CREATEROLE was enough to become a member of any role
    may_join = is_superuser or (may_create_roles and version < 160000)
    for name, (may_act, may_grant, _) in found.items():
        if not (may_act or may_grant or may_join):
            raise SetupError(
                f"The login {login} may not act as the role {name}, which somebody else made; let a superuser run "
                f"GRANT {', '.join(roles)} TO {login}, or set EPNTAP_ROLE_PREFIX, so that this installation has roles "
                "of its own."
            )
    owner_may = roles[0] in found and found[roles[0]][2]
    if not (owns or owner_may):
        raise SetupError(
            f"The login {login} may not let others make schemas in the database {database}, because it belongs to "
            f"somebody else; let its owner or a superuser run ALTER DATABASE {database} OWNER TO {login}."
        )
