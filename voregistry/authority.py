"""Who publishes: the facts of a registry record that are not in the database."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from epntap.errors import DefinitionError
from epntap.strict import StrictTable

__all__ = ["LISTS", "SUBJECTS", "Authority", "keys", "read_authority"]

#: EPN-TAP 2.0 §1.2: a record has one of these subjects at least
SUBJECTS = ("exoplanet-astronomy", "planetary-science", "solar-physics", "solar-system-astronomy")

#: keys of [registry] that take a list of texts; the others take a text
LISTS = ("subjects",)

_AUTHORITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-_.~]{2,}")
_IVOID = re.compile(r"ivo://[A-Za-z0-9][A-Za-z0-9\-_.~]{2,}(/[A-Za-z0-9\-_.~+=]+)*")


@dataclass(frozen=True, slots=True)
class Authority:
    """The publisher of records, as `[registry]` of a service definition gives it."""

    #: naming authority, the first part of the identifiers: `cdpp` in ivo://cdpp/amdadb/epn
    authority: str
    contact_name: str
    contact_email: str
    #: identifier of the record of the TAP service; ivo://<authority>/tap if there is none here
    tap_record: str = ""
    #: UAT terms
    subjects: tuple[str, ...] = ("solar-system-astronomy",)
    #: whole identifier, where the usual one is not wanted
    identifier: str = ""

    def __post_init__(self) -> None:
        if not _AUTHORITY.fullmatch(self.authority):
            raise DefinitionError(
                f"The naming authority {self.authority!r} must have three characters at least, letters, digits and "
                "- _ . ~, and begin with a letter or digit."
            )
        for what in (self.tap_record, self.identifier):
            if what and not _IVOID.fullmatch(what):
                raise DefinitionError(f"{what!r} is no IVOA identifier such as ivo://{self.authority}/tap.")
        if not set(SUBJECTS) & set(self.subjects):
            raise DefinitionError(f"One of the subjects must be {', '.join(SUBJECTS)}.")

    def identifier_of(self, schema: str) -> str:
        """The identifier of the record of a service."""
        return self.identifier or f"ivo://{self.authority}/{schema}/epn"

    @property
    def tap_identifier(self) -> str:
        """The identifier of the record of the TAP service."""
        return self.tap_record or f"ivo://{self.authority}/tap"


def keys() -> tuple[str, ...]:
    """The keys of `[registry]`."""
    return tuple(field.name for field in fields(Authority))


def read_authority(file: Path | None, options: Mapping[str, Any]) -> Authority:  # option values
    """The facts from `[registry]` of a service definition; options that are set win. Raises DefinitionError."""
    facts = {} if file is None else _facts_of(file)
    facts |= {name: value for name, value in options.items() if value}
    missing = [name for name in ("authority", "contact_name", "contact_email") if not facts.get(name)]
    if missing:
        raise DefinitionError(
            f"A registry record needs {', '.join(missing)}; give them as options (--{missing[0].replace('_', '-')} …), "
            "or in [registry] of the service definition."
        )
    facts["subjects"] = tuple(facts.get("subjects") or ("solar-system-astronomy",))
    return Authority(**facts)


def _facts_of(file: Path) -> dict[str, Any]:  # texts, and a tuple of texts
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise DefinitionError(f"The service definition {file} cannot be read: {exc}.") from exc
    table = StrictTable(document, str(file), DefinitionError).table("registry")
    if table is None:
        return {}
    facts = {name: table.texts(name) if name in LISTS else table.text(name) for name in keys()}
    table.finish()
    return {name: fact for name, fact in facts.items() if fact}
