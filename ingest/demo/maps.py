"""Illumination maps like those of comet 67P. Everything in them is SYNTHETIC: the body is an icosahedron.

`<root>/<product>/<product>-<longitude>-<colatitude>.<suffix>`, with a PDS3 label beside each `raw` file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.demo.jpeg import grey_blocks

__all__ = ["COLATITUDES", "LONGITUDES", "PRODUCTS", "write_maps"]

#: positions of the Sun of the whole set, degrees
LONGITUDES = range(360)
COLATITUDES = range(38, 143)

#: product -> suffix
PRODUCTS: Mapping[str, str] = {
    "raw": "tab",
    "image": "jpg",
    "preview": "jpg",
    "votable": "vot",
    "thumbnail": "jpg",
}
#: cells of the images of a product, along longitude and latitude
_CELLS = {"image": (36, 18), "preview": (18, 9), "thumbnail": (12, 6)}

_RECORD_BYTES = 10
_NOTE = "SYNTHETIC illumination of an icosahedron, for trying out software. No measurement and no model of 67P."


def write_maps(root: Path, longitudes: int = 4, colatitudes: int = 3, *, linked: bool = False) -> int:
    """Write the maps for evenly spaced positions of the Sun below a folder; how many maps.

    360 and 105 give the whole set. With `linked` all maps but for their labels are hard links to the first, so that
    the whole set takes minutes and little room. The same arguments give the same bytes.
    """
    first: dict[str, Path] = {}
    for product in PRODUCTS:
        (root / product).mkdir(parents=True, exist_ok=True)
    positions = [
        (longitude, colatitude)
        for longitude in _spread(LONGITUDES, longitudes)
        for colatitude in _spread(COLATITUDES, colatitudes)
    ]
    for longitude, colatitude in positions:
        name = f"{longitude:03d}-{colatitude:03d}"
        (root / "raw" / f"raw-{name}.lbl").write_bytes(_label(name, longitude, colatitude))
        contents = {} if linked and first else _products(name, longitude, colatitude)
        for product, suffix in PRODUCTS.items():
            path = root / product / f"{product}-{name}.{suffix}"
            path.unlink(missing_ok=True)
            if product in contents:
                path.write_bytes(contents[product])
                first.setdefault(product, path)
            else:
                os.link(first[product], path)
    return len(positions)


def _spread(positions: Sequence[int], count: int) -> list[int]:
    """So many of the positions, evenly spaced; a circle does not repeat its start."""
    if positions == LONGITUDES:
        return [len(positions) * index // count for index in range(count)]
    last = len(positions) - 1
    return [positions[round(last * index / max(1, count - 1))] for index in range(count)]


def _products(name: str, longitude: int, colatitude: int) -> dict[str, bytes]:
    sun = _direction(longitude, 90 - colatitude)
    cosines = _normals() @ sun
    images = {product: grey_blocks(_image(cosines, *cells), _NOTE) for product, cells in _CELLS.items()}
    return {"raw": _table(cosines), "votable": _votable(name, longitude, colatitude, cosines), **images}


def _direction(longitude_deg: float, latitude_deg: float) -> NDArray[np.float64]:
    longitude, latitude = np.radians(longitude_deg), np.radians(latitude_deg)
    return np.array([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)])


def _normals() -> NDArray[np.float64]:
    """Outward normals of the 20 faces of an icosahedron: the corners of a dodecahedron."""
    golden = (1 + 5**0.5) / 2
    signs = (-1.0, 1.0)
    corners = [(x, y, z) for x in signs for y in signs for z in signs]
    for one in signs:
        for two in signs:
            near, far = one / golden, two * golden
            corners += [(0, near, far), (near, far, 0), (far, 0, near)]
    return np.array(corners) / 3**0.5


def _image(cosines: NDArray[np.float64], across: int, down: int) -> list[list[int]]:
    """Grey by cosine of the face below each cell, black at night; north is up and longitude 0 in the middle."""
    normals = _normals()
    rows = []
    for row in range(down):
        latitude = 90 - 180 * (row + 0.5) / down
        cells = [_direction(360 * (column + 0.5) / across - 180, latitude) for column in range(across)]
        faces = [int(np.argmax(normals @ cell)) for cell in cells]
        rows.append([round(255 * max(0.0, float(cosines[face]))) for face in faces])
    return rows


def _table(cosines: NDArray[np.float64]) -> bytes:
    return "".join(f"{cosine:8.5f}\r\n" for cosine in cosines).encode()


def _label(name: str, longitude: int, colatitude: int) -> bytes:
    faces = len(_normals())
    lines = f"""PDS_VERSION_ID = PDS3
RECORD_TYPE = FIXED_LENGTH
RECORD_BYTES = {_RECORD_BYTES}
FILE_RECORDS = {faces}
^TABLE = "raw-{name}.tab"
DATA_SET_ID = "SYNTHETIC-C-ILLUMINATION-67P-V1.0"
PRODUCT_ID = "raw-{name}"
TARGET_NAME = "67P/CHURYUMOV-GERASIMENKO"
TARGET_TYPE = COMET
SUB_SOLAR_LONGITUDE = {longitude}.0 <DEGREE>
SUB_SOLAR_LATITUDE = {90 - colatitude}.0 <DEGREE>
COORDINATE_SYSTEM_NAME = "67P/C-G_CK"
NOTE = "{_NOTE}"
OBJECT = TABLE
  INTERCHANGE_FORMAT = ASCII
  ROWS = {faces}
  COLUMNS = 1
  ROW_BYTES = {_RECORD_BYTES}
  OBJECT = COLUMN
    NAME = COSINE
    DATA_TYPE = ASCII_REAL
    START_BYTE = 1
    BYTES = 8
    DESCRIPTION = "Cosine between the normal of a face and the direction to the Sun"
  END_OBJECT = COLUMN
END_OBJECT = TABLE
END
"""
    return lines.replace("\n", "\r\n").encode()


def _votable(name: str, longitude: int, colatitude: int, cosines: NDArray[np.float64]) -> bytes:
    rows = "".join(f"<TR><TD>{cosine:.5f}</TD></TR>\n" for cosine in cosines)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">
<RESOURCE type="results">
<TABLE name="raw-{name}">
<DESCRIPTION>{_NOTE}</DESCRIPTION>
<PARAM name="subsolar_longitude" datatype="double" unit="deg" ucd="pos.bodyrc.lon" value="{longitude}"/>
<PARAM name="subsolar_latitude" datatype="double" unit="deg" ucd="pos.bodyrc.lat" value="{90 - colatitude}"/>
<FIELD name="cosine" datatype="double" ucd="pos.incidenceAng"/>
<DATA><TABLEDATA>
{rows}</TABLEDATA></DATA>
</TABLE>
</RESOURCE>
</VOTABLE>
""".encode()
