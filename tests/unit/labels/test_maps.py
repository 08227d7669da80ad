"""Illumination maps: the generator, and the rows of its tree."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from astropy.io.votable import parse_single_table

import ingest
from ingest.by_row.spool import row_table
from ingest.definition.load import load_definition
from ingest.definition.model import Definition
from ingest.demo.maps import COLATITUDES, LONGITUDES, PRODUCTS, write_maps
from ingest.facts import Refusal, Remark, RowFacts
from ingest.kinds.labels import LABELS

SERVICE = Path(ingest.__file__).parent / "services" / "illu67p.toml"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "illu67p"
    assert write_maps(root) == 12
    return root


def definition(root: Path) -> Definition:
    return load_definition(SERVICE, archive=root)


def rows(root: Path) -> list[object]:
    one = definition(root)
    [source] = one.sources
    assert source.rows is not None
    columns = {column.name: column for column in row_table(one).columns}
    return list(LABELS.read(source.path, source.rows, columns, one.schema))


def good(found: list[object]) -> dict[str, RowFacts]:
    return {str(one.values["granule_uid"]): one for one in found if isinstance(one, RowFacts)}


# -- the generator ----------------------------------------------------------------------------------------------------


def test_the_whole_set_has_as_many_rows_as_the_published_one() -> None:
    assert len(LONGITUDES) * len(COLATITUDES) == 37_800
    assert len(LONGITUDES) * len(COLATITUDES) * len(PRODUCTS) == 189_000


def test_the_same_bytes_each_time(tree: Path, tmp_path: Path) -> None:
    write_maps(tmp_path / "again")
    first, again = (
        {path.relative_to(root): path.read_bytes() for root in [base] for path in root.rglob("*.*")}
        for base in (tree, tmp_path / "again")
    )
    assert first == again
    assert len(first) == 12 * (len(PRODUCTS) + 1)


def test_numbers_votable_and_image_agree(tree: Path) -> None:
    cosines = np.loadtxt(tree / "raw/raw-090-090.tab")
    assert cosines.shape == (20,)
    assert np.abs(cosines).max() <= 1.0
    assert cosines.sum() == pytest.approx(0.0, abs=1e-4)
    # the Sun is over the equator at 90 degrees east: the cosine is the y component of each normal
    golden = (1 + 5**0.5) / 2
    expected = {0.0, *(sign * part / 3**0.5 for sign in (-1, 1) for part in (1, golden, 1 / golden))}
    assert np.unique(np.round(cosines, 4)).tolist() == sorted(round(one, 4) + 0.0 for one in expected)
    table = parse_single_table(tree / "votable/votable-090-090.vot")
    assert table.array["cosine"].tolist() == cosines.tolist()


def test_hard_links_save_room(tmp_path: Path) -> None:
    write_maps(tmp_path, 3, 2, linked=True)
    images = list((tmp_path / "image").iterdir())
    assert {path.stat().st_ino for path in images} == {images[0].stat().st_ino}
    assert len({path.read_bytes() for path in (tmp_path / "raw").glob("*.lbl")}) == 6


# -- the rows ---------------------------------------------------------------------------------------------------------


def test_each_product_is_a_row(tree: Path) -> None:
    found = rows(tree)
    assert all(isinstance(one, RowFacts) for one in found)
    assert set(good(found)) == {
        f"{product}-{longitude:03d}-{colatitude:03d}"
        for product in PRODUCTS
        for longitude in (0, 90, 180, 270)
        for colatitude in (38, 90, 142)
    }


def test_values_of_a_row(tree: Path) -> None:
    raw = good(rows(tree))["raw-270-142"]
    label = (tree / "raw/raw-270-142.lbl").read_text()
    latitude = re.search(r"SUB_SOLAR_LATITUDE = (\S+)", label)
    assert latitude is not None
    assert float(latitude[1]) == -52.0
    assert raw.origin == "raw/raw-270-142.tab"
    assert raw.values == {
        "granule_uid": "raw-270-142",
        "obs_id": "270-142",
        "granule_gid": "raw",
        "access_url": "/files/illu67p/raw/raw-270-142.tab",
        "access_format": "text/plain",
        "access_estsize": 1,
        "file_name": "raw-270-142.tab",
        "thumbnail_url": "/files/illu67p/thumbnail/thumbnail-270-142.jpg",
        "subsolar_longitude_min": 270.0,
        "subsolar_longitude_max": 270.0,
        "subsolar_latitude_min": -52.0,
        "subsolar_latitude_max": -52.0,
        "dataproduct_type": "ma",
    }
    assert raw.file is not None
    assert raw.file.size_bytes == (tree / raw.file.path).stat().st_size == 200


def test_formats_and_image_sizes(tree: Path) -> None:
    found = good(rows(tree))
    assert {product: found[f"{product}-000-038"].values["access_format"] for product in PRODUCTS} == {
        "raw": "text/plain",
        "image": "image/jpeg",
        "preview": "image/jpeg",
        "votable": "application/x-votable+xml",
        "thumbnail": "image/jpeg",
    }
    sizes = [
        found[f"{product}-000-038"].values.get("map_width") for product in ("image", "preview", "thumbnail", "raw")
    ]
    assert sizes == [288.0, 144.0, 96.0, None]


def test_an_incomplete_map_is_remarked_and_its_other_rows_stay(tree: Path) -> None:
    (tree / "votable/votable-090-090.vot").unlink()
    (tree / "image/image-090-090.jpg").write_bytes(b"GIF89a")
    found = rows(tree)
    assert [one for one in found if isinstance(one, Remark)] == [
        Remark("090-090", "incomplete: there is no image, no votable; the others are published")
    ]
    assert [one for one in found if isinstance(one, Refusal)] == [
        Refusal(
            "image/image-090-090.jpg", "image-090-090.jpg is not a JPEG image, although its name says so", granules=1
        )
    ]
    assert len(good(found)) == 58


def test_a_map_that_is_missing_altogether_is_remarked(tree: Path) -> None:
    for path in tree.rglob("*-180-038.*"):
        path.unlink()
    found = rows(tree)
    assert [one for one in found if not isinstance(one, RowFacts)] == [
        Remark(".", "1 positions of the grid have no file: 180-038")
    ]


def test_a_product_of_few_maps_is_not_expected_of_all(tree: Path) -> None:
    (tree / "extra").mkdir()
    (tree / "extra/movie-000-038.mp4").write_bytes(b"x")
    found = rows(tree)
    assert len(found) == 61
    assert good(found)["movie-000-038"].values["granule_gid"] == "movie"


def test_a_label_that_contradicts_the_file_names(tree: Path) -> None:
    label = tree / "raw/raw-000-038.lbl"
    label.write_text(label.read_text().replace("= 52.0", "= 51.0"))
    refused = [one for one in rows(tree) if isinstance(one, Refusal)]
    assert {one.path.partition("/")[0] for one in refused} == set(PRODUCTS)
    assert {one.reason for one in refused} == {
        "subsolar_latitude_min is 52.0 by colatitude and 51.0 by SUB_SOLAR_LATITUDE"
    }


def test_a_broken_label_is_refused_and_the_rows_stay(tree: Path) -> None:
    (tree / "raw/raw-000-038.lbl").write_text("A = (1, 2\nEND\n")
    found = rows(tree)
    assert [one.path for one in found if isinstance(one, Refusal)] == ["raw/raw-000-038.lbl"]
    assert len(good(found)) == 60


def test_other_files_are_told(tree: Path) -> None:
    (tree / "README.txt").write_text("hello")
    (tree / "raw/raw-000-090.tab").write_bytes(b"")
    assert [one for one in rows(tree) if isinstance(one, Refusal)] == [
        Refusal("README.txt", "the name does not fit the pattern of the source"),
        Refusal("raw/raw-000-090.tab", "raw-000-090.tab is empty", granules=1),
    ]
