"""A draft for a table: which field fills which column, with units, times and words for NULL. No I/O here."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from epntap.catalog.model import Column, Form
from epntap.epncore import columns as epn_columns
from epntap.epncore.vocabulary import DATAPRODUCT_TYPES, TARGET_CLASSES
from epntap.media import MEDIA_TYPES, media_type
from epntap.units.convert import UnitProblem, conversion
from ingest.newservice.draft import Draft, Setting
from ingest.newservice.synonyms import BODIES, columns_for, split_unit, target_class
from ingest.tables.plan import FORBIDDEN
from ingest.tables.sheet import SheetField
from ingest.tables.values import NULL_WORDS, Raw, ValueProblem, is_julian_date, parse_moment

__all__ = ["draft_table"]

Rows = Sequence[Mapping[str, Raw]]

_DATE_FORMATS = ("%d/%m/%Y", "%Y/%m/%d", "%d/%m/%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%d-%b-%Y", "%d-%b-%Y %H:%M:%S")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
#: numbers that stand for nothing, as text
_FILLS = re.compile(r"-9{2,}(\.[90]*)?|9{4,}(\.[90]*)?|-?1(\.0*)?[eE]\+?3[01]")
#: MJD of the years 1970 to 2100
_MJD = (40_587.0, 88_069.0)
_UNIX_FROM = 1.0e8


def draft_table(draft: Draft, fields: Sequence[SheetField], rows: Rows) -> None:
    """Add to a draft what the fields and the first rows of a table tell."""
    taken: dict[str, str] = {}
    left = []
    for one in fields:
        meant = columns_for(one.name)
        if meant and set(meant) <= set(FORBIDDEN):
            continue  # a table that is an export of another service; ingestion says this anew
        free = [name for name in meant if name not in taken]
        if not free:
            left.append(one)
        for name in free:
            taken[name] = one.name
            draft.mapped[name] = _setting(draft, name, one, rows)
    _need_uid(draft, fields, rows, taken)
    _need_product(draft, rows, taken)
    _need_target(draft, rows, taken)
    _need_access(draft, rows, taken)
    if not any(name in taken for name in ("granule_gid",)):
        draft.columns["granule_gid"] = Setting("data")
    for one in left:
        if not any(field_name == one.name for field_name in taken.values()):
            _make_custom(draft, one, rows)


def _texts(field: str, rows: Rows) -> list[str]:
    found = (row.get(field) for row in rows)
    return [text for value in found if value is not None and (text := str(value).strip()).lower() not in NULL_WORDS]


def _setting(draft: Draft, name: str, one: SheetField, rows: Rows) -> Setting:
    column = epn_columns.by_name(name)
    assert column is not None
    texts = _texts(one.name, rows)
    more: dict[str, Any] = {}
    if is_julian_date(column) or column.form is Form.DALI_TEXT:
        more = _time_keys(draft, one.name, texts)
    elif column.datatype not in {"char", "unicodeChar"}:
        more = _number_keys(draft, column, one, texts)
    elif name == "target_name":
        names = {text: BODIES[text.lower()][0] for text in dict.fromkeys(texts) if text.lower() in BODIES}
        more = {"values": renamed} if (renamed := {was: now for was, now in names.items() if was != now}) else {}
    elif name == "access_format":
        more = _format_keys(draft, one.name, texts)
    return Setting({"from": one.name, **more} if more else one.name)


def _format_keys(draft: Draft, field: str, texts: Sequence[str]) -> dict[str, Any]:  # values of settings
    """Media types for words such as FITS."""
    words = dict.fromkeys(text for text in texts if "/" not in text)
    meanings = {word: MEDIA_TYPES[key] for word in words if (key := word.lower().lstrip(".")) in MEDIA_TYPES}
    meanings |= {word: "text/plain" for word in words if word.lower() in {"ascii", "text"}}
    unknown = sorted(set(words) - set(meanings))
    if unknown:
        draft.questions.append(f"{field} has {', '.join(unknown[:5])}, which is no media type; add it to values.")
    return {"values": meanings} if meanings else {}


def _time_keys(draft: Draft, field: str, texts: Sequence[str]) -> dict[str, Any]:  # values of settings
    numbers = [float(text) for text in texts if re.fullmatch(r"\d+(\.\d*)?", text) and len(text) > 4]
    if numbers and len(numbers) == len(texts):
        if all(_MJD[0] <= number <= _MJD[1] for number in numbers):
            return {"unit": "MJD"}
        if all(number >= _UNIX_FROM for number in numbers) and not all(_is_compact_date(text) for text in texts):
            return {"unit": "unix"}
        return {"date_format": "%Y%m%d"} if all(map(_is_compact_date, texts)) else {}
    # a typing error or two must not hide what the others are
    readable = {form: sum(_fits(text, form) for text in texts) for form in _DATE_FORMATS}
    form, count = max(readable.items(), key=lambda item: item[1])
    iso = sum(map(_is_iso, texts))
    if iso == len(texts) or iso > max(count, len(texts) // 2):
        return {}
    if count > len(texts) // 2:
        if form.startswith("%d/%m"):
            draft.questions.append(f"{field} is read as day/month/year; change date_format if it is month/day.")
        return {"date_format": form}
    draft.questions.append(f"The times in {field} are not understood; say date_format or unit (JD, MJD, unix).")
    return {}


def _is_compact_date(text: str) -> bool:
    return len(text) == 8 and _fits(text, "%Y%m%d")


def _is_iso(text: str) -> bool:
    try:
        parse_moment(text)
    except ValueProblem:
        return False
    return True


def _fits(text: str, form: str) -> bool:
    try:
        dt.datetime.strptime(text, form)  # noqa: DTZ007  # only whether it can be read
    except ValueError:
        return False
    return True


def _number_keys(draft: Draft, column: Column, one: SheetField, texts: Sequence[str]) -> dict[str, Any]:
    """Unit and fill values of a field of numbers."""
    keys: dict[str, Any] = {}
    unit = one.unit or split_unit(one.name)[1]
    if unit is not None:
        try:
            conversion(unit, column.unit)
        except UnitProblem as exc:
            draft.questions.append(f"{one.name} does not fit {column.name}: {exc}.")
        else:
            if unit != column.unit and one.unit is None:
                keys["unit"] = unit
    elif column.unit == "Hz":
        keys["unit"] = _unit_of_light(texts)
        draft.questions.append(f"{one.name} is taken to be in {keys['unit']}; change unit if it is in another.")
    fills = sorted({text for text in texts if _FILLS.fullmatch(text)})
    if fills:
        keys["null"] = fills
    return keys


def _unit_of_light(texts: Sequence[str]) -> str:
    """By the size of the numbers: wavelengths in micrometres are small, frequencies large."""
    numbers = [float(text) for text in texts if _NUMBER.fullmatch(text)]
    return "um" if numbers and all(0.01 <= number <= 5000 for number in numbers) else "Hz"


def _need_uid(draft: Draft, fields: Sequence[SheetField], rows: Rows, taken: dict[str, str]) -> None:
    field = taken.get("granule_uid") or taken.get("obs_id") or taken.get("file_name")
    candidates = [*([field] if field else []), *(one.name for one in fields)]
    unique = next((name for name in candidates if rows and _is_unique(name, rows)), None)
    if unique is None:
        draft.questions.append('No field has another value in every row; make a granule_uid of several: "{a}_{b}".')
        unique = field or fields[0].name
    if taken.get("granule_uid") != unique:
        draft.mapped = {"granule_uid": Setting(unique), **{k: v for k, v in draft.mapped.items() if k != "granule_uid"}}
        taken["granule_uid"] = unique
    if "obs_id" not in taken:
        draft.mapped["obs_id"] = Setting(unique)


def _is_unique(field: str, rows: Rows) -> bool:
    texts = _texts(field, rows)
    return len(texts) == len(rows) == len(set(texts))


def _need_product(draft: Draft, rows: Rows, taken: Mapping[str, str]) -> None:
    if "dataproduct_type" in taken:
        known = {*DATAPRODUCT_TYPES, *(name.replace(" ", "_") for name in DATAPRODUCT_TYPES.values())}
        wrong = {text for text in _texts(taken["dataproduct_type"], rows) if text.lower() not in known}
        if wrong:
            draft.questions.append(f"dataproduct_type has no code for {', '.join(sorted(wrong)[:5])}; add values.")
        return
    code = "ci"
    if "access_url" in taken or "file_name" in taken:
        code = "sp" if any(name.startswith("spectral_") for name in taken) else "ts"
        draft.questions.append(f"dataproduct_type is set to {code} ({DATAPRODUCT_TYPES[code]}); is that right?")
    draft.columns["dataproduct_type"] = Setting(code, DATAPRODUCT_TYPES[code])


def _need_target(draft: Draft, rows: Rows, taken: Mapping[str, str]) -> None:
    if "target_class" in taken:
        return
    if "target_name" not in taken:
        draft.columns["target_class"] = Setting("sample", f"one of {', '.join(sorted(TARGET_CLASSES))}")
        draft.questions.append("What is observed? target_class is set to sample, and target_name has no value.")
        return
    names = Counter(_texts(taken["target_name"], rows))
    classes = {name: target_class(name) for name in names}
    unknown = sorted(name for name, kind in classes.items() if kind is None)
    if unknown:
        draft.questions.append(f"target_class of {', '.join(unknown[:5])} is not known; add it to values.")
    found = {kind for kind in classes.values() if kind}
    if len(found) == 1 and not unknown:
        draft.columns["target_class"] = Setting(found.pop())
    else:
        meanings = {name: kind for name, kind in classes.items() if kind}
        draft.mapped["target_class"] = Setting({"from": taken["target_name"], "values": meanings})


def _need_access(draft: Draft, rows: Rows, taken: Mapping[str, str]) -> None:
    if "access_url" not in taken:
        return
    addresses = _texts(taken["access_url"], rows)
    if any("://" not in address for address in addresses):
        draft.questions.append(f"{taken['access_url']} does not hold whole addresses (https://…).")
    if "access_format" not in taken:
        kinds = Counter(media_type(address.partition("?")[0]) for address in addresses)
        draft.columns["access_format"] = Setting(kinds.most_common(1)[0][0] if kinds else "application/octet-stream")
    if "access_estsize" not in taken:
        draft.columns["access_estsize"] = Setting(10, "kbyte; a guess, as the table has no sizes")
        draft.questions.append("access_estsize is set to 10 kbyte in all rows; give the size of the files.")


def _make_custom(draft: Draft, one: SheetField, rows: Rows) -> None:
    bare, unit = split_unit(one.name)
    name = re.sub(r"[^a-z0-9]+", "_", bare.lower()).strip("_") or "field"
    name = name if name[0].isalpha() else f"c_{name}"
    if name in draft.custom or epn_columns.by_name(name) is not None:
        name = f"{draft.schema}_{name}"
    texts = _texts(one.name, rows)
    numbers = [text for text in texts if _NUMBER.fullmatch(text)]
    kind = "text" if not texts or len(numbers) < len(texts) else "double"
    if kind == "double" and all(re.fullmatch(r"[+-]?\d{1,9}", text) for text in numbers):
        kind = "int"
    keys = {"type": Setting(kind)}
    if (one.unit or unit) and kind != "text":
        keys["unit"] = Setting(one.unit or unit)
    if one.ucd:
        keys["ucd"] = Setting(one.ucd)
    keys["description"] = Setting(one.description or one.name)
    draft.custom[name] = keys
    draft.mapped[name] = Setting(one.name)
