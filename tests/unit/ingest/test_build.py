"""Rows: which there are, what they hold, how they are written for COPY."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from epntap.archive.model import ArchiveFile
from epntap.catalog.model import Table
from epntap.epncore.columns import MANDATORY, TABLE_UTYPE
from ingest.by_dataset.build import GranuleBuilder, common_values, epn_core_table, files_out_of_dates
from ingest.by_dataset.planning.plan import DatasetPlan
from ingest.by_dataset.told import told_by
from ingest.definition.model import Definition, Granule
from ingest.facts import DatasetFacts
from ingest.publish.rows.block import copy_columns
from tests.support.archives import facts, held, julian_day

DEFINITION = Definition(Path("service.toml"), "plasma", "Plasma data", (), publisher="CDPP")
TODAY = date(2026, 1, 31)
NOW = "2026-01-31T10:00:00"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def plan(
    one: DatasetFacts | None = None,
    granule: Granule = Granule.DAY,
    files: tuple[ArchiveFile, ...] = (),
    single: tuple[ArchiveFile, ...] = (),
    *,
    held_only: bool = False,
) -> DatasetPlan:
    return DatasetPlan(one or facts(), granule, files, single, held_only)


def rows(one: DatasetPlan, today: date = TODAY, definition: Definition = DEFINITION) -> list[dict[str, str | None]]:
    table = epn_core_table(definition, [one.facts])
    builder = GranuleBuilder(definition, table, today, NOW, is_new=True)
    text = b"".join(block.text for block in builder.blocks(one)).decode()
    made = [
        dict(zip(copy_columns(table), (None if v == r"\N" else v for v in line.split("\t")), strict=True))
        for line in text.splitlines()
    ]
    assert builder.count(one) == len(made) == sum(block.rows for block in builder.blocks(one))
    return made


def uids(one: DatasetPlan, today: date = TODAY) -> list[str | None]:
    return [row["granule_uid"] for row in rows(one, today)]


def test_the_table_has_all_mandatory_columns_and_those_in_use() -> None:
    table = epn_core_table(DEFINITION, [facts({"species": "H+", "particle_spectral_type": "energy"})])
    names = [column.name for column in table.columns]
    assert [column.name for column in MANDATORY] == names[:46]
    assert table.utype == TABLE_UTYPE
    assert table.primary_key == ("granule_uid",)
    for used in ("access_url", "access_format", "access_estsize", "file_name", "datalink_url", "thumbnail_url"):
        assert used in names
    assert {"species", "dataset_id"} <= set(names)
    assert "particle_spectral_resolution_max" in names
    assert "map_projection" not in names


def test_units_follow_the_only_frame_of_a_service() -> None:
    cartesian = epn_core_table(DEFINITION, [facts({"spatial_frame_type": "cartesian"})])
    mixed = epn_core_table(DEFINITION, [facts({"spatial_frame_type": "cartesian"}), facts()])
    both = epn_core_table(
        DEFINITION, [facts({"spatial_frame_type": "cartesian"}), facts({"spatial_frame_type": "body"})]
    )
    assert [unit_of(table, "c1min") for table in (cartesian, mixed, both)] == ["km", "km", None]


def unit_of(table: Table, name: str) -> str | None:
    column = table.column(name)
    assert column is not None
    return column.unit


def test_one_row_for_each_day_cut_at_both_ends() -> None:
    made = rows(plan(facts(start=moment("2001-01-01T06:00:00"), stop=moment("2001-01-03T12:00:00"))))
    assert [row["granule_uid"] for row in made] == ["syn-mag_20010101", "syn-mag_20010102", "syn-mag_20010103"]
    first = julian_day(date(2001, 1, 1))
    assert [(row["time_min"], row["time_max"]) for row in made] == [
        (repr(first + 0.25), repr(first + 1)),
        (repr(first + 1), repr(first + 2)),
        (repr(first + 2), repr(first + 2.5)),
    ]


def test_a_row_says_what_its_dataset_is() -> None:
    row = rows(plan())[0]
    assert row["obs_id"] == row["granule_uid"] == "syn-mag_20010101"
    assert row["service_title"] == "plasma"
    assert row["dataset_id"] == "syn-mag"
    assert row["spatial_frame_type"] == "none"
    assert row["publisher"] == "CDPP"
    assert row["datalink_url"] == "/datalink/links?ID=syn-mag_20010101&SCHEMA=plasma"
    assert {row[name] for name in ("access_url", "access_format", "access_estsize", "file_name")} == {None}
    assert {row[name] for name in ("creation_date", "modification_date", "release_date")} == {"2026-01-31T10:00:00"}
    assert row["measurement_type"] is None


def test_a_day_that_begins_at_the_very_end_has_no_row() -> None:
    assert uids(plan(facts(stop=moment("2001-01-03T00:00:00")))) == ["syn-mag_20010101", "syn-mag_20010102"]


def test_an_interval_without_length_is_one_row() -> None:
    made = rows(plan(facts(start=moment("2001-01-02T00:00:00"), stop=moment("2001-01-02T00:00:00"))))
    assert [row["granule_uid"] for row in made] == ["syn-mag_20010102"]
    assert made[0]["time_min"] == made[0]["time_max"] == repr(julian_day(date(2001, 1, 2)))


def test_a_placeholder_has_no_row() -> None:
    assert uids(plan(facts(start=None, stop=None))) == []


def test_no_row_starts_after_today() -> None:
    future = facts(start=moment("2001-01-01"), stop=moment("2039-12-31"))
    made = rows(plan(future), today=date(2001, 1, 2))
    assert [row["granule_uid"] for row in made] == ["syn-mag_20010101", "syn-mag_20010102"]
    assert made[-1]["time_max"] == repr(julian_day(date(2001, 1, 3)))
    assert uids(plan(facts(start=moment("2027-01-01"), stop=moment("2039-12-31")))) == []


def test_months() -> None:
    one = facts(start=moment("2001-01-15T12:00:00"), stop=moment("2001-03-01T00:00:00"))
    made = rows(plan(one, Granule.MONTH))
    assert [row["granule_uid"] for row in made] == ["syn-mag_200101", "syn-mag_200102"]
    assert made[0]["time_min"] == repr(julian_day(date(2001, 1, 15)) + 0.5)
    assert made[1]["time_max"] == repr(julian_day(date(2001, 3, 1)))


def test_characters_that_a_name_cannot_have() -> None:
    assert uids(plan(facts(dataset_id="a/b #1 \u2299", stop=moment("2001-01-01T12:00:00")))) == ["a_b__1_O_20010101"]
    plus = rows(plan(facts(dataset_id="H+", stop=moment("2001-01-01T12:00:00"))))[0]
    assert plus["datalink_url"] == "/datalink/links?ID=H%2B_20010101&SCHEMA=plasma"
    assert plus["dataset_id"] == "H+"


def test_a_day_offers_the_files_that_reach_into_it() -> None:
    files = (
        held("a_20010102.cdf", "2001-01-02T00:00:00", "2001-01-02T23:59:59", size_bytes=5000),
        held("b_20010102.cdf", "2001-01-02T10:00:00", "2001-01-02T23:59:59", size_bytes=2600),
        held("c_20010104.cdf", "2001-01-04T10:00:00", "2001-01-04T23:59:59", size_bytes=10),
    )
    made = {row["granule_uid"]: row for row in rows(plan(files=files))}
    row = made["syn-mag_20010102"]
    assert row["access_url"] == "/data/plasma/syn-mag_20010102.cdf"
    assert row["access_format"] == "application/x-cdf"
    assert row["access_estsize"] == "8"
    assert row["file_name"] == "syn-mag_20010102.cdf"
    assert made["syn-mag_20010103"]["access_url"] is None
    assert made["syn-mag_20010104"]["access_estsize"] == "1"


def test_a_file_of_several_days_is_shared_among_them() -> None:
    month = held("a_200101.cdf", "2001-01-01T00:00:00", "2001-01-10T00:00:00", size_bytes=100_000)
    made = rows(plan(files=(month,)))
    assert [row["access_estsize"] for row in made] == ["10"] * 10
    assert [row["access_estsize"] for row in rows(plan(granule=Granule.MONTH, files=(month,)))] == ["100"]


def test_a_record_in_a_leap_second_belongs_to_the_day_it_ends() -> None:
    one = facts(start=moment("2016-12-31"), stop=moment("2017-01-01T23:00:00"))
    file = held("a.cdf", "2016-12-31T23:59:60", "2016-12-31T23:59:60.9")
    assert [row["access_url"] is not None for row in rows(plan(one, files=(file,)))] == [True, False]


def test_a_restricted_dataset_has_no_access_url() -> None:
    file = held("a.cdf", "2001-01-02T00:00:00", "2001-01-02T23:59:59")
    made = rows(plan(facts(access_rights="PartiallyRestricted"), files=(file,), single=(file,)))
    assert {row["access_url"] for row in made} == {row["access_estsize"] for row in made} == {None}
    assert all(row["datalink_url"] for row in made)


def thumbnails(one: DatasetPlan) -> list[str | None]:
    return [row["thumbnail_url"] for row in rows(one)]


def test_the_thumbnail_of_a_row_with_files_is_a_picture_of_them() -> None:
    file = held("a.cdf", "2001-01-02T00:00:00", "2001-01-02T23:59:59")
    until = moment("2001-01-03T12:00:00")
    address = "/preview/plasma/{}.png?width=320"
    assert thumbnails(plan(facts(stop=until), files=(file,))) == [None, address.format("syn-mag_20010102"), None]
    assert thumbnails(plan(granule=Granule.FILE, files=(file,), single=(file,))) == [address.format("a")]
    plus = plan(facts(dataset_id="H+", stop=until), files=(replace(file, dataset_id="H+"),))
    assert thumbnails(plus)[1] == address.format("H%2B_20010102")


def test_the_thumbnail_that_a_definition_names_is_that_of_all_rows() -> None:
    file = held("a.cdf", "2001-01-02T00:00:00", "2001-01-02T23:59:59")
    one = facts({"thumbnail_url": "https://example.org/a.png"}, stop=moment("2001-01-03T12:00:00"))
    assert thumbnails(plan(one, files=(file,), single=(file,))) == ["https://example.org/a.png"] * 4


def test_where_nothing_can_be_drawn_there_is_no_thumbnail() -> None:
    file = held("a.cdf", "2001-01-02T00:00:00", "2001-01-02T23:59:59")
    closed = plan(facts(access_rights="Restricted"), files=(file,), single=(file,))
    assert set(thumbnails(closed)) == {None}
    for layout, has_any in (("Epoch\x1f00", False), ("Epoch\x1f00\tB", True), ("", True)):
        one = replace(file, layout=layout)
        (thumbnail,) = thumbnails(plan(granule=Granule.FILE, files=(one,), single=(one,)))
        assert (thumbnail is not None) is has_any


def test_one_row_for_a_file() -> None:
    file = held("2001/syn #1_20010102_v02.cdf", "2001-01-02T06:00:00", "2001-01-02T18:00:00", size_bytes=1_234_567)
    (row,) = rows(plan(granule=Granule.FILE, files=(file,), single=(file,)))
    assert row["granule_uid"] == "syn__1_20010102_v02"
    assert row["obs_id"] == "syn__1_20010102"
    assert row["access_url"] == "/data/plasma/syn__1_20010102_v02.cdf"
    assert row["access_estsize"] == "1235"
    assert (row["time_min"], row["time_max"]) == ("2451911.75", "2451912.25")
    assert file.uid == row["granule_uid"]


def test_a_dataset_known_from_its_files_has_the_days_of_its_files() -> None:
    files = (
        held("a.cdf", "2001-01-02T06:00:00", "2001-01-02T18:00:00"),
        held("b.cdf", "2001-01-05T00:00:00", "2001-01-06T12:00:00"),
    )
    one = facts(start=moment("2001-01-02T06:00:00"), stop=moment("2001-01-06T12:00:00"))
    assert uids(plan(one, files=files, held_only=True)) == [
        "syn-mag_20010102",
        "syn-mag_20010105",
        "syn-mag_20010106",
    ]
    assert uids(plan(one, Granule.MONTH, files=files, held_only=True)) == ["syn-mag_200101"]


def with_days(file: ArchiveFile, days: str) -> ArchiveFile:
    return replace(file, days=days)


def test_only_days_with_records_have_a_row_whatever_lies_far_from_them() -> None:
    file = with_days(held("a.cdf", "1970-01-01T00:00:00", "2020-03-01T18:00:00"), "1970-01-01 2020-03-01")
    one = facts(start=moment("1970-01-01T00:00:00"), stop=moment("2020-03-01T18:00:00"))
    made = rows(plan(one, files=(file,), held_only=True))
    assert [row["granule_uid"] for row in made] == ["syn-mag_19700101", "syn-mag_20200301"]
    assert [row["access_estsize"] for row in made] == ["2", "2"]
    last = julian_day(date(2020, 3, 1))
    assert (made[1]["time_min"], made[1]["time_max"]) == (repr(last), repr(last + 0.75))
    assert uids(plan(one, Granule.MONTH, files=(file,), held_only=True)) == ["syn-mag_197001", "syn-mag_202003"]


def test_a_record_at_the_closing_midnight_is_in_a_row() -> None:
    file = held("a.cdf", "2001-01-02T00:00:00", "2001-01-03T00:00:00")
    one = facts(start=moment("2001-01-02"), stop=moment("2001-01-03"))
    for held_only in (True, False):
        made = rows(plan(one, files=(file,), held_only=held_only))
        assert [row["granule_uid"] for row in made] == ["syn-mag_20010102", "syn-mag_20010103"]
        assert [row["access_url"] is not None for row in made] == [True, True]
        midnight = repr(julian_day(date(2001, 1, 3)))
        assert [row["time_max"] for row in made] == [midnight, midnight]
        assert made[1]["time_min"] == midnight


def test_records_beyond_the_closing_midnight_of_a_description_are_out_of_its_dates() -> None:
    one = facts(stop=moment("2001-01-03"))
    files = (held("a.cdf", "2001-01-02T00:00:00", "2001-01-03T00:00:00.1"), held("b.cdf", "2001-01-03", "2001-01-04"))
    assert uids(plan(one, files=files)) == ["syn-mag_20010101", "syn-mag_20010102"]
    assert [refusal.path for refusal in files_out_of_dates(plan(one, files=files))] == ["b.cdf"]


def test_a_description_that_ends_beyond_all_times_has_rows_until_today() -> None:
    one = facts(stop=moment("9999-12-31"))
    assert len(uids(plan(one, files=(held("a.cdf", "2001-01-02", "2001-01-03"),)), date(2001, 1, 20))) == 20


def test_records_after_today_have_a_row_in_a_dataset_known_from_its_files() -> None:
    file = with_days(held("a.cdf", "2020-03-01T00:00:00", "2099-12-31T01:00:00"), "2020-03-01 2099-12-31")
    one = facts(start=moment("2020-03-01"), stop=moment("2099-12-31T01:00:00"))
    assert uids(plan(one, files=(file,), held_only=True)) == ["syn-mag_20200301", "syn-mag_20991231"]


def test_a_described_day_offers_only_files_with_records_in_it() -> None:
    file = with_days(held("a.cdf", "2001-01-01T00:00:00", "2001-01-04T00:00:00"), "2001-01-01 2001-01-04")
    made = rows(plan(files=(file,)))
    offered = [row["granule_uid"] for row in made if row["access_url"]]
    assert offered == ["syn-mag_20010101", "syn-mag_20010104"]
    assert len(made) == 10


def test_rows_of_a_file_that_changed_are_those_of_its_days() -> None:
    file = with_days(held("a.cdf", "2001-01-01T00:00:00", "2001-01-04T00:00:00"), "2001-01-01 2001-01-04")
    one = replace(plan(facts({"modification_date": "2020-01-01T00:00:00"}), files=(file,)), touched=frozenset({file}))
    modified = [row["granule_uid"] for row in rows(one) if row["modification_date"] == NOW]
    assert modified == ["syn-mag_20010101", "syn-mag_20010104"]


def test_a_file_with_records_only_before_and_after_a_description_is_told() -> None:
    file = with_days(held("a.cdf", "1999-01-01T00:00:00", "2005-01-04T00:00:00"), "1999-01-01 2005-01-04")
    (refusal,) = files_out_of_dates(plan(files=(file,)))
    assert refusal.reason.startswith("it holds no record of a day of syn-mag, whose dates are 2001-01-01")


def test_files_beyond_the_dates_of_a_description_are_told() -> None:
    late = held("late.cdf", "2001-02-02T06:00:00", "2001-02-02T18:00:00")
    inside = held("inside.cdf", "2001-01-09T06:00:00", "2001-02-02T18:00:00")
    (refusal,) = files_out_of_dates(plan(files=(late, inside)))
    assert refusal.path == "late.cdf"
    assert "2001-01-10 12:00:00" in refusal.reason
    assert files_out_of_dates(plan(files=(late,), held_only=True)) == ()


def test_what_the_definition_says_wins() -> None:
    definition = Definition(
        Path("s.toml"),
        "plasma",
        "Plasma",
        (),
        columns={"target_name": "Mars", "c1min": 4.5, "release_date": "2030-01-01"},
    )
    told = told_by(definition, {"syn-mag": facts()})
    row = rows(plan(told["syn-mag"]), definition=definition)[0]
    assert row["target_name"] == "Mars"
    assert row["release_date"] == "2030-01-01"
    assert row["creation_date"] == "2026-01-31T10:00:00"
    assert (row["c1min"], row["c1max"]) == ("4.5", "4.5")


def test_a_known_creation_date_is_the_date_of_everything_else() -> None:
    row = rows(plan(facts({"creation_date": "2020-01-01T00:00:00"})))[0]
    assert {row[name] for name in ("creation_date", "modification_date", "release_date")} == {"2020-01-01T00:00:00"}


def test_text_is_escaped_for_copy() -> None:
    table = epn_core_table(DEFINITION, [facts()])
    one = plan(facts({"target_region": "a\\b\tc\nd\re"}, stop=moment("2001-01-01T12:00:00")))
    (block,) = GranuleBuilder(DEFINITION, table, TODAY, NOW, is_new=False).blocks(one)
    assert rb"a\\b\tc\nd\re" in block.text
    assert block.text.count(b"\n") == 1


def test_dates_that_nobody_gave_stay_open_for_a_merge() -> None:
    table = epn_core_table(DEFINITION, [facts()])
    (block,) = GranuleBuilder(DEFINITION, table, TODAY, NOW, is_new=False).blocks(
        plan(facts(stop=moment("2001-01-01T12:00:00")))
    )
    row = dict(zip(copy_columns(table), block.text.decode().rstrip("\n").split("\t"), strict=True))
    assert row["creation_date"] == row["modification_date"] == row["release_date"] == r"\N"


def test_the_publisher_is_ascii() -> None:
    definition = Definition(Path("s.toml"), "plasma", "Plasma", (), publisher="Observatoire du Pic du Midi, Université")
    assert common_values(definition, facts())["publisher"] == "Observatoire du Pic du Midi, Universite"
