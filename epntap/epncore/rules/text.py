"""Rules for the spelling of text values (EPN-TAP 2.0 §1.2, §3.1 note 4). No I/O here."""

from __future__ import annotations

from epntap.catalog.model import Form
from epntap.epncore.columns import COLUMNS, EpnColumn
from epntap.epncore.rules.model import Rule, Severity, quoted

__all__ = ["TEXT_RULES"]

#: texts that are no names: addresses, geometry, prose; they have their own spelling
_URLS = frozenset({"access_url", "thumbnail_url", "datalink_url", "external_link"})
_GEOMETRY = frozenset({"s_region", "coverage"})
_PROSE = frozenset(
    {
        "bib_reference",
        "data_calibration_desc",
        "map_projection",
        "measurement_atmosphere",
        "observer_country",
        "observer_institute",
        "observer_location",
        "observer_name",
        "original_publisher",
        "processing_level_desc",
        "producer_institute",
        "producer_name",
        "proposal_pi",
        "proposal_title",
        "publisher",
        "sample_classification",
        "sample_desc",
        "setup_desc",
        "target_description",
    }
)
#: columns with a closed list of values, or a form of their own that another rule looks at
_RULED = frozenset(
    {
        "access_format",
        "access_md5",
        "dataproduct_type",
        "event_cite",
        "event_status",
        "event_type",
        "geometry_type",
        "measurement_type",
        "messenger",
        "particle_spectral_type",
        "service_title",
        "spatial_frame_type",
        "species_inchikey",
        "target_class",
        "time_scale",
    }
)
#: names that no convention writes with capitals
_LOWER_CASE = ("granule_gid", "target_region")

#: the characters of epncore.text.clean_text, those of file names, and `#` between items
_ALLOWED = r"A-Za-z0-9 _\-+.,:;/()\[\]=@"
_ALLOWED_IN_FILE_NAMES = _ALLOWED + r"%&!$*~^{}|?<>"
_TIMESTAMP = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"(T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?Z?)?$"
)


def _lower_case(name: str) -> Rule:
    return Rule(
        id=f"B1-{name}",
        severity=Severity.WARN,
        section="1.2",
        expected=f"{name} is written in lower case.",
        hint="Write the value in lower case.",
        columns=(name,),
        violation=f'{quoted(name)} <> lower({quoted(name)} COLLATE "C")',
    )


def _no_outer_blanks(column: EpnColumn) -> Rule:
    name = quoted(column.name)
    conditions = [f"{name} LIKE ' %'", f"{name} LIKE '% '"]
    if column.hash_list:
        conditions += [f"{name} LIKE '% #%'", f"{name} LIKE '%# %'"]
    return Rule(
        id=f"B2-{column.name}",
        severity=Severity.REFUSE,
        section="1.2",
        expected=f"{column.name} has no blank at the beginning or the end of a value.",
        hint="Drop the blanks around the value and around each item of a list.",
        columns=(column.name,),
        violation=" OR ".join(conditions),
    )


def _no_special_characters(column: EpnColumn) -> Rule:
    allowed = _ALLOWED_IN_FILE_NAMES if column.name == "file_name" else _ALLOWED
    separator = "#" if column.hash_list else ""
    return Rule(
        id=f"B3-{column.name}",
        severity=Severity.WARN,
        section="1.2",
        expected=f"{column.name} holds no quote, no {'other ' if column.hash_list else ''}special character"
        + (" and no # outside of lists." if column.hash_list else " and no #."),
        hint="Replace such characters by _; a list is allowed in hash-list columns only.",
        columns=(column.name,),
        violation=f"{quoted(column.name)} ~ '[^{allowed}{separator}]'",
    )


def _list_form(name: str) -> Rule:
    return Rule(
        id=f"B4-{name}",
        severity=Severity.REFUSE,
        section="1.2",
        expected=f"{name} is one item, or items joined by single # signs, such as a#b#c.",
        hint="Leave out empty items and the # at the beginning or the end; write NULL for an empty list.",
        columns=(name,),
        violation=f"{quoted(name)} LIKE '#%' OR {quoted(name)} LIKE '%#' OR {quoted(name)} LIKE '%##%'",
    )


def _ascii(name: str) -> Rule:
    return Rule(
        id=f"B10-{name}",
        severity=Severity.REFUSE,
        section="3.1",
        expected=f"{name} is published as char and holds ASCII characters only.",
        hint="Write accented letters without the accent, and other signs as _.",
        columns=(name,),
        # one byte for each character, as the database stores text in UTF-8
        violation=f"octet_length({quoted(name)}) <> length({quoted(name)})",
        datatype="char",
    )


def _timestamp(name: str) -> Rule:
    column = quoted(name)
    return Rule(
        id=f"B11-{name}",
        severity=Severity.REFUSE,
        section="3.1 note 4",
        expected=f"{name} is a timestamp such as 2016-12-31 or 2016-12-31T23:59:59.5Z.",
        hint="Write date and time in ISO form with a T between them.",
        columns=(name,),
        # the empty text is the business of B7
        violation=f"{column} <> '' AND {column} !~ '{_TIMESTAMP}'",
        taplint="E_PN86",
    )


def _text_columns() -> tuple[EpnColumn, ...]:
    return tuple(column for column in COLUMNS if column.pg_type == "text")


def _named_columns() -> tuple[EpnColumn, ...]:
    """Text columns that hold names: neither addresses nor geometry, and without a list of values of their own."""
    apart = _URLS | _GEOMETRY | _RULED
    return tuple(c for c in _text_columns() if c.name not in apart and c.form is not Form.DALI_TEXT)


TEXT_RULES: tuple[Rule, ...] = (
    *map(_lower_case, _LOWER_CASE),
    *map(_no_outer_blanks, _named_columns()),
    *(_no_special_characters(c) for c in _named_columns() if c.name not in _PROSE and c.name != "granule_uid"),
    *(_list_form(c.name) for c in _text_columns() if c.hash_list),
    *(_ascii(c.name) for c in _text_columns()),
    *(_timestamp(c.name) for c in _text_columns() if c.form is Form.DALI_TEXT),
)
