"""Who publishes a registry record, from options and from a service definition."""

from __future__ import annotations

from pathlib import Path

import pytest

from epntap.errors import DefinitionError
from voregistry.authority import Authority, read_authority

OPTIONS = {"authority": "cdpp", "contact_name": "A. Person", "contact_email": "a@example.org"}


def test_options_alone() -> None:
    authority = read_authority(None, {**OPTIONS, "subjects": ()})
    assert authority == Authority("cdpp", "A. Person", "a@example.org")
    assert authority.identifier_of("amdadb") == "ivo://cdpp/amdadb/epn"
    assert authority.tap_identifier == "ivo://cdpp/tap"


def test_options_win_over_the_definition(tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    file.write_text(
        '[registry]\nauthority = "here"\ncontact_name = "B"\ncontact_email = "b@example.org"\n'
        'subjects = ["solar-physics", "space-plasmas"]\ntap_record = "ivo://here/services/tap"\n'
    )
    authority = read_authority(file, {"authority": "there", "contact_name": None})
    assert (authority.authority, authority.contact_name) == ("there", "B")
    assert authority.subjects == ("solar-physics", "space-plasmas")
    assert authority.tap_identifier == "ivo://here/services/tap"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[registry]\nautority = 'x'\n", r"unknown key 'autority'.* Did you mean 'authority'\?"),
        ("[registry]\nauthority = 3\n", r"authority must be text"),
        ("[registry]\nsubjects = [1]\n", r"subjects must be a text or a list of texts"),
        ("registry = 1\n", r"registry must be a table"),
        ("[registry\n", r"cannot be read"),
    ],
)
def test_a_definition_that_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "service.toml"
    file.write_text(text)
    with pytest.raises(DefinitionError, match=message):
        read_authority(file, OPTIONS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"authority": ""}, r"needs authority; give them as options \(--authority"),
        ({"contact_email": None}, r"needs contact_email; give them as options \(--contact-email"),
        ({"authority": "x"}, r"must have three characters"),
        ({"tap_record": "cdpp/tap"}, r"no IVOA identifier such as ivo://cdpp/tap"),
        ({"subjects": ("space-plasmas",)}, r"One of the subjects must be"),
    ],
)
def test_options_that_are_wrong(changes: dict[str, object], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        read_authority(None, {**OPTIONS, **changes})
