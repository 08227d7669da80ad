"""PDS4 labels: XML documents whose elements are keywords."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from epntap.errors import UnreadableFileError
from ingest.labels.record import Label
from ingest.tables.values import Measure, Raw

__all__ = ["is_pds4", "read_pds4"]

_NAMESPACE = "http://pds.nasa.gov/pds4/"
_LARGEST = 50_000_000


def is_pds4(path: Path) -> bool:
    """Whether an XML file is a PDS4 product label, by its first element."""
    try:
        with path.open("rb") as file:
            head = file.read(8192)
    except OSError:
        return False
    return _NAMESPACE.encode() in head and b"<Product_" in head


def read_pds4(path: Path, relative: str) -> Label:
    """The label in a file. Raises UnreadableFileError.

    Keywords are the names of elements from below the root on, joined by dots, without namespaces.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        if path.stat().st_size > _LARGEST:
            raise UnreadableFileError("the file is too large for a label")
        root = etree.fromstring(path.read_bytes(), parser)
    except OSError as exc:
        raise UnreadableFileError(f"the label cannot be opened: {(exc.strerror or 'unknown reason').lower()}") from exc
    except etree.XMLSyntaxError as exc:
        raise UnreadableFileError(f"the label is not well-formed XML: {exc.msg}") from exc
    name = etree.QName(root)
    if not (name.namespace or "").startswith(_NAMESPACE) or not name.localname.startswith("Product_"):
        raise UnreadableFileError(f"expected a PDS4 product label, but the root element is {name.localname}")
    items = list(_flatten(root, ""))
    files = [
        (element.text or "").strip()
        for element in root.iterfind(".//{*}File/{*}file_name")
        if element.text and element.text.strip()
    ]
    return Label(relative, items, files)


def _flatten(parent: etree._Element, prefix: str) -> Iterator[tuple[str, Raw]]:
    for element in parent:
        name = f"{prefix}{etree.QName(element).localname}"
        if len(element):
            yield from _flatten(element, f"{name}.")
        elif (text := " ".join((element.text or "").split())) and _is_given(element):
            yield name, _raw(text, element.get("unit"))


def _is_given(element: etree._Element) -> bool:
    nil = element.get("{http://www.w3.org/2001/XMLSchema-instance}nil", "false")
    return nil.strip() not in {"true", "1"}


def _raw(text: str, unit: str | None) -> Raw:
    if unit is None:
        return text
    try:
        return Measure(float(text), unit)
    except ValueError:
        return text
