"""A reader of das2 2.2 streams of its own, strict: what the format does not allow is an AssertionError."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from xml.parsers import expat

import numpy as np
import numpy.typing as npt

__all__ = ["Element", "Packet", "PlaneRead", "Stream", "read_stream"]

PREFIX = re.compile(rb"\[(\d\d|xx)\](\d{6})")
UNITS = re.compile(r"|[A-Za-z]+(\*\*-?\d+)?( [A-Za-z]+(\*\*-?\d+)?)*")


@dataclass
class Element:
    """An XML element; attribute names keep their type prefix."""

    name: str
    facts: dict[str, str]
    children: list[Element] = field(default_factory=list)

    def child(self, name: str) -> Element | None:
        found = [one for one in self.children if one.name == name]
        assert len(found) <= 1
        return found[0] if found else None

    @property
    def properties(self) -> dict[str, str]:
        child = self.child("properties")
        return {} if child is None else child.facts


@dataclass
class PlaneRead:
    """One plane of a packet."""

    xml: Element
    dtype: np.dtype
    #: characters of one item; 0 in binary
    width: int
    items: int
    values: list[npt.NDArray[np.float64]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.xml.facts["name"]

    @property
    def tags(self) -> list[float]:
        return [float(tag) for tag in self.xml.facts["yTags"].split(",")]

    @property
    def array(self) -> npt.NDArray[np.float64]:
        """Shape (n,) or (n, items); NaN for fills."""
        found = np.array(self.values).reshape(-1, self.items)
        kind = "zFill" if self.xml.name == "yscan" else "yFill"
        fill = float(self.xml.properties[f"double:{kind}"])
        missing = (found == fill) | (found == np.float64(np.float32(fill)))
        found = np.where(missing, np.nan, found)
        return found[:, 0] if self.xml.name == "y" else found


@dataclass
class Packet:
    """One kind of records."""

    time: PlaneRead
    planes: list[PlaneRead]
    #: microseconds since 2000, or texts
    times: list[float | str] = field(default_factory=list)


@dataclass
class Stream:
    """All of a stream."""

    head: Element
    packets: dict[str, Packet] = field(default_factory=dict)
    said: list[Element] = field(default_factory=list)

    @property
    def exceptions(self) -> list[tuple[str, str]]:
        return [(one.facts["type"], one.facts["message"]) for one in self.said if one.name == "exception"]

    @property
    def planes(self) -> dict[str, PlaneRead]:
        found = [plane for packet in self.packets.values() for plane in packet.planes]
        assert len({one.name for one in found}) == len(found)
        return {one.name: one for one in found}

    def labels(self) -> npt.NDArray[np.int64]:
        """Nanoseconds since 2000 of the records, which are the same in all kinds of packets."""
        (found,) = {tuple(packet.times) for packet in self.packets.values()}
        if not found or isinstance(found[0], float):
            return np.rint(np.array(found, np.float64) * 1000).astype(np.int64)
        return np.array([_label(str(one)) for one in found], np.int64)


def read_stream(data: bytes) -> Stream:
    """Read it to its last byte."""
    tag, head, place = _header(data, 0)
    assert tag == "00"
    assert head.name == "stream"
    stream = Stream(head)
    if not head.children and not head.facts.get("version"):
        raise AssertionError("a stream has a version")
    assert head.facts["version"] == "2.2"
    compression = head.facts.get("compression", "none")
    assert compression in {"none", "deflate"}
    rest = data[place:] if compression == "none" else zlib.decompress(data[place:])
    place = 0
    while place < len(rest):
        if rest[place : place + 1] == b"[":
            tag, element, place = _header(rest, place)
            if tag == "xx":
                assert element.name in {"exception", "comment"}
                stream.said.append(element)
                assert element.name != "exception" or place == len(rest), "nothing comes after an exception"
            else:
                assert tag != "00", "a stream has one header"
                assert tag not in stream.packets
                stream.packets[tag] = _packet(element)
        else:
            place = _record(stream, rest, place)
    return stream


def _header(data: bytes, place: int) -> tuple[str, Element, int]:
    found = PREFIX.match(data, place)
    assert found, data[place : place + 40]
    stop = found.end() + int(found[2])
    text = data[found.end() : stop]
    assert len(text) == int(found[2])
    assert text.endswith(b">\n")
    return found[1].decode(), _parsed(text), stop


def _parsed(text: bytes) -> Element:
    # prefixes of attributes are types and no namespaces, so that no reader of namespaces takes them
    top = Element("", {})
    path = [top]
    parser = expat.ParserCreate()

    def begin(name: str, facts: dict[str, str]) -> None:
        path[-1].children.append(Element(name, facts))
        path.append(path[-1].children[-1])

    parser.StartElementHandler = begin
    parser.EndElementHandler = lambda _name: path.pop()
    parser.Parse(text, True)
    return top.children[0]


def _packet(element: Element) -> Packet:
    assert element.name == "packet"
    x, *others = element.children
    assert x.name == "x"
    assert x.facts["units"] == "us2000"
    assert others
    time, planes = _plane(x), [_plane(one) for one in others]
    for one in planes:
        assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*(\.(max|min))?", one.name)
        for name in ("units", "yUnits", "zUnits"):
            assert UNITS.fullmatch(one.xml.facts.get(name, "")), one.xml.facts
        if one.xml.name == "yscan":
            assert len(one.tags) == one.items
            assert np.isfinite(one.tags).all()
    return Packet(time, planes)


def _plane(element: Element) -> PlaneRead:
    assert element.name in {"x", "y", "yscan"}
    kind = element.facts["type"]
    items = int(element.facts["nitems"]) if element.name == "yscan" else 1
    found = re.fullmatch(r"(?:(little_endian|sun)_real([48])|(ascii|time)(\d+))", kind)
    assert found, kind
    if found[1]:
        return PlaneRead(element, np.dtype(f"{'<' if found[1][0] == 'l' else '>'}f{found[2]}"), 0, items)
    assert (found[3] == "time") == (element.name == "x")
    return PlaneRead(element, np.dtype("f8"), int(found[4]), items)


def _record(stream: Stream, data: bytes, place: int) -> int:
    found = re.compile(rb":(\d\d):").match(data, place)
    assert found, data[place : place + 40]
    packet = stream.packets[found[1].decode()]
    place = found.end()
    is_text = packet.time.width > 0
    fields = [packet.time, *packet.planes]
    for plane in fields:
        assert (plane.width > 0) == is_text, "all fields are text, or none is"
        values: list[float] = []
        for item in range(plane.items):
            if not is_text:
                values.append(float(np.frombuffer(data, plane.dtype, 1, place)[0]))
                place += plane.dtype.itemsize
                continue
            word = data[place : place + plane.width]
            place += plane.width
            is_last = plane is fields[-1] and item == plane.items - 1
            assert word[-1:] == (b"\n" if is_last else b" ")
            if plane is packet.time:
                packet.times.append(word.decode().strip())
            else:
                values.append(float(word))
        if plane is not packet.time:
            plane.values.append(np.array(values))
        elif not is_text:
            packet.times += values
    return place


def _label(text: str) -> int:
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3,9})Z", text)
    assert found, text
    seconds = int((np.datetime64(found[1], "s") - np.datetime64("2000-01-01", "s")).astype(int))
    return seconds * 10**9 + int(found[2].ljust(9, "0"))
