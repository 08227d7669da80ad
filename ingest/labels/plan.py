"""What a `[[source]]` of kind `labels` declares. No I/O here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from epntap.catalog.model import Column
from epntap.media import MEDIA_TYPES
from epntap.strict import StrictTable
from ingest.tables.rules import Rule, known_values, read_rules

__all__ = ["LabelPlan", "Rows", "read_label_plan"]

#: made by ingestion whatever a label says
FORBIDDEN = ("service_title", "access_estsize", "modification_date")
_FIELD = re.compile(r"\{([^{}]+)\}")


class Rows(StrEnum):
    """What one row stands for."""

    #: a label; the product is the first file that it describes
    LABEL = "label"
    #: a file whose name fits the pattern; labels belong to the files that they describe
    FILE = "file"


@dataclass(frozen=True, slots=True)
class LabelPlan:
    """How the files of a tree become rows."""

    rows: Rows = Rows.LABEL
    #: of file names without suffix, or of whole paths if there is a slash in it; its groups are fields
    pattern: re.Pattern[str] | None = None
    #: template on fields: files of the same text are products of one observation
    observation: str | None = None
    #: template on fields: which product of the observation a file is
    product: str | None = None
    #: the product whose file is the thumbnail of all
    thumbnail: str | None = None
    #: fields that span a grid; positions without any file are reported
    grid: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    #: further rules, which go first, for the files of one product
    products: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    #: suffix -> media type, where it is another than usual
    media_types: Mapping[str, str] = field(default_factory=dict)
    #: address of the folder of the source; None: the service hands out the files itself
    address: str | None = None
    #: whether the content of files tells that they have changed, and not their time alone
    checksums: bool = True
    #: the pattern in full, which its repr is not: fingerprints are made of plans
    pattern_text: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern_text", self.pattern.pattern if self.pattern else "")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that rows may have a value in."""
        rules = [*self.rules, *(rule for more in self.products.values() for rule in more)]
        made = ["access_url", "access_format", "access_estsize", "file_name"]
        return tuple(
            dict.fromkeys([*made, *(rule.column for rule in rules), *(["thumbnail_url"] if self.thumbnail else [])])
        )

    @property
    def relative_urls(self) -> frozenset[str]:
        """Columns of addresses that start at the service itself."""
        return frozenset() if self.address else frozenset({"access_url", "thumbnail_url"}) - self._given_urls

    @property
    def frames(self) -> frozenset[str]:
        """Values of spatial_frame_type in its rows, as far as they are known before; one that is not is empty."""
        return known_values(self.rules, "spatial_frame_type")

    @property
    def _given_urls(self) -> frozenset[str]:
        return frozenset(rule.column for rule in self.rules if rule.column in {"access_url", "thumbnail_url"})


def read_label_plan(table: StrictTable, custom: Mapping[str, Column]) -> LabelPlan:
    """The plan of a source; keys that every source has must have been asked for before. Raises the table's error."""
    rows = Rows(table.choice("rows", [one.value for one in Rows]) or Rows.LABEL)
    pattern = _pattern(table)
    plan = LabelPlan(
        rows=rows,
        pattern=pattern,
        observation=_template(table, "observation", pattern),
        product=_template(table, "product", pattern),
        thumbnail=table.text("thumbnail"),
        grid=table.texts("grid"),
        rules=_rules(table, "columns", custom),
        products=_product_rules(table, custom),
        media_types=_media_types(table),
        address=_address(table),
        checksums=table.flag("checksums", default=True),
    )
    if rows is Rows.FILE and pattern is None:
        table.fail('pattern is missing; rows = "file" needs it to tell data files from others.')
    if plan.thumbnail is not None and plan.product is None:
        table.fail("thumbnail names a product, so product must say which one a file is.")
    for name in plan.grid:
        if pattern is None or name not in pattern.groupindex:
            table.fail(f"grid names {name!r}, which is not a field of the pattern.")
    return plan


def _pattern(table: StrictTable) -> re.Pattern[str] | None:
    text = table.text("pattern")
    if text is None:
        return None
    try:
        return re.compile(text)
    except re.error as exc:
        table.fail(f"pattern is not a regular expression: {exc}.")


def _template(table: StrictTable, key: str, pattern: re.Pattern[str] | None) -> str | None:
    text = table.text(key)
    for name in _FIELD.findall(text or ""):
        if pattern is None or name not in pattern.groupindex:
            table.fail(f"{key} uses {{{name}}}, which is not a field of the pattern.")
    return text


def _rules(table: StrictTable, key: str, custom: Mapping[str, Column]) -> tuple[Rule, ...]:
    below = table.table(key)
    return () if below is None else read_rules(below, custom, FORBIDDEN)


def _product_rules(table: StrictTable, custom: Mapping[str, Column]) -> dict[str, tuple[Rule, ...]]:
    below = table.table("products")
    if below is None:
        return {}
    return {name: _constants(below, name, custom) for name in below.names}


def _constants(table: StrictTable, name: str, custom: Mapping[str, Column]) -> tuple[Rule, ...]:
    """Texts of a product are values as they stand; only `{ from = … }` looks at fields."""
    below = table.needed_table(name)
    rules = read_rules(below, custom, FORBIDDEN)
    return tuple(
        Rule(rule.column, otherwise=text) if isinstance(text := below.value(rule.column), str) else rule
        for rule in rules
    )


def _media_types(table: StrictTable) -> dict[str, str]:
    below = table.table("media_types")
    if below is None:
        return {}
    found = {}
    for suffix in below.names:
        media = below.needed_text(suffix).lower()
        if not re.fullmatch(r"[a-z0-9.+-]+/[a-z0-9.+-]+(;.*)?", media):
            below.fail(f"{suffix} must be a media type such as {MEDIA_TYPES['jpg']}, but it is {media!r}.")
        found[suffix.lower().lstrip(".")] = media
    return found


def _address(table: StrictTable) -> str | None:
    text = table.web_address("address")
    return None if text is None else text.rstrip("/")
