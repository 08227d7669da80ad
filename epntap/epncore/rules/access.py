"""Rules for addresses and files (EPN-TAP 2.0 §2.2). No I/O here."""

from __future__ import annotations

from epntap.catalog.model import Form
from epntap.epncore.rules.model import Rule, Severity, quoted

__all__ = ["ACCESS_RULES"]

_FAMILY = {"access_url": "J2", "thumbnail_url": "J6", "datalink_url": "J7", "external_link": "J8"}
#: characters that may not stand in a URI (RFC 3986), a backslash among them
_NOT_IN_URLS = r" <>\"{}|\\^`"


def _url_form(name: str) -> Rule:
    column = quoted(name)
    starts = " OR ".join(f"{column} LIKE '{start}_%'" for start in ("https://", "http://", "/", "ftp://"))
    return Rule(
        id=f"{_FAMILY[name]}-{name}",
        severity=Severity.REFUSE,
        section="2.2",
        expected=f"{name} is one complete address that begins with https://, http:// or ftp://.",
        hint="Write one URL with all its arguments; encode blanks as %20.",
        columns=(name,),
        violation=f"{column} <> '' AND (NOT ({starts}) OR {column} ~ '[{_NOT_IN_URLS}]')",
    )


def _url_complete(name: str) -> Rule:
    return Rule(
        id=f"{_FAMILY[name]}-absolute-{name}",
        severity=Severity.REFUSE,
        section="2.2",
        expected=f"{name} begins with https://, http:// or ftp://, and not with a path.",
        hint="Put the address of the server in front.",
        columns=(name,),
        violation=f"{quoted(name)} LIKE '/%'",
        unless_form=Form.RELATIVE_URL,
    )


ACCESS_RULES: tuple[Rule, ...] = (
    Rule(
        id="J1",
        severity=Severity.REFUSE,
        section="2.2",
        expected="access_url, access_format and access_estsize are all set or all NULL.",
        hint="Give the media type and the approximate size in kbyte of every product that has an address.",
        columns=("access_url", "access_format", "access_estsize"),
        violation='num_nonnulls(nullif("access_url", \'\'), nullif("access_format", \'\'), "access_estsize") '
        "NOT IN (0, 3)",
    ),
    *map(_url_form, _FAMILY),
    *map(_url_complete, _FAMILY),
    Rule(
        id="J3-form",
        severity=Severity.REFUSE,
        section="2.2",
        expected="access_format is a media type in lower case, such as application/x-cdf.",
        hint="Write type/subtype in lower case, with parameters after a semicolon.",
        columns=("access_format",),
        violation="\"access_format\" <> '' AND "
        "\"access_format\" !~ '^[a-z]+/[a-z0-9.+_-]+( ?; ?[a-z0-9._-]+=[^A-Z; ]+)*$'",
    ),
    Rule(
        id="J3-known",
        severity=Severity.WARN,
        section="2.2",
        expected="access_format is spelled as registered: image/jpeg, image/tiff, text/xml.",
        hint="Correct the spelling; clients choose the program that opens the data by this value.",
        columns=("access_format",),
        violation="\"access_format\" IN ('image/jpg', 'image/tif', 'application/cdf', 'application/votable')",
    ),
    Rule(
        id="J4",
        severity=Severity.WARN,
        section="3",
        expected="access_estsize is a size in kbyte, and above zero.",
        hint="Write at least 1, and NULL only where there is no access_url.",
        columns=("access_estsize",),
        violation='"access_estsize" <= 0',
    ),
    Rule(
        id="J5-path",
        severity=Severity.REFUSE,
        section="2.2",
        expected="file_name has no folders.",
        hint="Write the name of the file alone.",
        columns=("file_name",),
        violation="\"file_name\" ~ '[/\\\\]'",
    ),
    Rule(
        id="J5-extension",
        severity=Severity.WARN,
        section="2.2",
        expected="file_name has an extension.",
        hint="Give the whole name, such as a.cdf, as the product that access_url delivers would be saved.",
        columns=("file_name",),
        violation="\"file_name\" <> '' AND \"file_name\" NOT LIKE '_%._%'",
    ),
    Rule(
        id="J9",
        severity=Severity.QUARANTINE,
        section="3",
        expected="access_md5 is a sum of 32 hexadecimal digits in lower case.",
        hint="Write what md5sum prints, and NULL for the answers of services.",
        columns=("access_md5",),
        violation="\"access_md5\" <> '' AND \"access_md5\" !~ '^[0-9a-f]{32}$'",
    ),
)
