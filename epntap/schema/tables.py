"""Every fixed table of ours, once: what it is for, its columns, types, keys and indexes. No I/O here.

Stores build their statements from this, and Alembic compares it with the database. Tables of services are not fixed:
they are made from `catalog.model`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    TableClause,
    Text,
    UniqueConstraint,
    column,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, TIMESTAMP

__all__ = [
    "SCHEMAS",
    "application",
    "attempt",
    "audit",
    "batch",
    "catalog_version",
    "closed_count",
    "column_form",
    "coverage",
    "dataset",
    "event_table",
    "file",
    "file_in_full",
    "folder",
    "former_uid",
    "gap",
    "granule_group",
    "job",
    "kept_table",
    "membership",
    "metadata",
    "parameter",
    "parameter_fact",
    "person",
    "phrase",
    "quarantine",
    "row_state",
    "saved_query",
    "scanned_file",
    "scanned_file_in_full",
    "secret",
    "series",
    "service",
    "spent",
    "summary",
    "tap_columns",
    "tap_key_columns",
    "tap_keys",
    "tap_schemas",
    "tap_tables",
    "team",
    "token",
    "usage",
    "value_count",
    "withdrawn_dataset",
    "worker",
]

#: schemas that are ours alone; in those of services nothing is fixed
SCHEMAS = ("account", "archive", "tap_schema", "uws")

metadata = MetaData()

_INSTANT = TIMESTAMP(timezone=True)
_NO_TEXT = text("''")
_ZERO = text("0")
_NOW = text("now()")


def _words(name: str, comment: str) -> Column[Any]:
    return Column(name, ARRAY(Text), nullable=False, server_default=text("'{}'"), comment=comment)


# -- archive: what is published, what it is made of, and where the bytes are -------------------------------------------


def _of_service(**options: Any) -> Column[Any]:  # what ForeignKey takes
    reference = ForeignKey("archive.service.schema_name", ondelete="CASCADE", **options)
    return Column("schema_name", Text, reference, nullable=False, comment="Service")


def _of_dataset() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["schema_name", "dataset_id"],
        ["archive.dataset.schema_name", "archive.dataset.dataset_id"],
        ondelete="CASCADE",
    )


service = Table(
    "service",
    metadata,
    Column("schema_name", Text, primary_key=True, comment="Schema that its tables are in"),
    Column("title", Text, nullable=False, comment="What it is called"),
    Column("description", Text, comment="What it holds"),
    Column("publisher", Text, comment="Who publishes it"),
    Column("creator", Text, comment="Who made the data"),
    Column("reference_url", Text, comment="Page about it"),
    Column("granule_count", BigInteger, nullable=False, server_default=_ZERO, comment="Rows of its epn_core"),
    Column("first_ingested", TIMESTAMP, nullable=False, comment="UTC"),
    Column("last_ingested", TIMESTAMP, nullable=False, comment="UTC"),
    Column(
        "has_closed_rows",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Whether rows of it are in epn_core_closed, so that what somebody sees depends on who asks",
    ),
    Column("report", JSONB, comment="What the last ingestion did; NULL: it was by a version that did not say"),
    schema="archive",
    comment="Published services",
)

dataset = Table(
    "dataset",
    metadata,
    _of_service(),
    Column("dataset_id", Text, nullable=False, comment="SPASE ProductKey or CDF Logical_source"),
    Column("title", Text, nullable=False, comment="What it is called"),
    Column("description", Text, comment="What it holds"),
    Column("resource_id", Text, comment="SPASE ResourceID"),
    Column("start_time", TIMESTAMP, comment="First instant described, UTC; NULL for a placeholder"),
    Column("stop_time", TIMESTAMP, comment="Last instant described, UTC; NULL for a placeholder"),
    Column("cadence_min_s", Double, comment="Shortest time between two records, seconds"),
    Column("cadence_max_s", Double, comment="Longest time between two records, seconds"),
    Column(
        "access_rights",
        Text,
        nullable=False,
        server_default=text("'Open'"),
        comment="SPASE AccessRights; Open lets everybody cut data",
    ),
    Column("hapi_url", Text, comment="Base of the HAPI service that holds it, without a trailing slash"),
    Column("hapi_id", Text, comment="Its identifier there"),
    Column("landing_url", Text, comment="Page about it"),
    Column("information_url", Text, comment="Page about what it is made from"),
    Column("doi", Text, comment="Without resolver prefix"),
    _words("contacts", "People that the description names, each with what they are to the dataset"),
    Column("acknowledgement", Text, comment="What who uses the data is asked to say"),
    Column("embargoed_until", Text, comment="DALI timestamp, UTC, until which only its groups have the data"),
    _words("groups", "Whoever is in one of these has the data in any case"),
    Column(
        "hidden",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Who may not have the data may not know of them either",
    ),
    Column(
        "granule",
        Text,
        CheckConstraint("granule IN ('day', 'month', 'file')"),
        nullable=False,
        server_default=text("'file'"),
        comment="What one row of epn_core stands for; it tells a granule_uid that ends in a date from a file name",
    ),
    Column(
        "public_id",
        Text,
        unique=True,
        comment="Its name where no service is named: given once, and never to another dataset. NULL: not yet given",
    ),
    Column(
        "fingerprint",
        Text,
        nullable=False,
        server_default=_NO_TEXT,
        comment="Of everything that its rows are made from: the same fingerprint makes the same rows",
    ),
    Column("granule_count", BigInteger, nullable=False, server_default=_ZERO, comment="Its rows of epn_core"),
    PrimaryKeyConstraint("schema_name", "dataset_id"),
    schema="archive",
    comment="Datasets of the services",
)

parameter = Table(
    "parameter",
    metadata,
    Column("schema_name", Text, nullable=False, comment="Service"),
    Column("dataset_id", Text, nullable=False, comment="Dataset"),
    Column("name", Text, nullable=False, comment="Its key within the dataset"),
    Column("position", Integer, nullable=False, comment="Place in the description"),
    Column("title", Text, comment="What it is called"),
    Column("description", Text, comment="What it is"),
    Column("units", Text, comment="As the description spells it, not a VOUnit"),
    Column("ucd", Text, comment="One valid UCD1+ string"),
    Column(
        "shape", ARRAY(Integer), nullable=False, server_default=text("'{}'"), comment="Of one record; {} for a scalar"
    ),
    Column("fill_value", Text, comment="What stands for a missing value"),
    Column("coordinate_system", Text, comment="As the description spells it"),
    Column("variable", Text, comment="CDF variable that holds it, where known"),
    Column("public_id", Text, comment="Its name within the service: given once. NULL: not yet given"),
    PrimaryKeyConstraint("schema_name", "dataset_id", "name"),
    UniqueConstraint("schema_name", "public_id"),
    _of_dataset(),
    schema="archive",
    comment="Measured and supporting quantities of the datasets",
)

# what many files have in common stands once, and files hold its number
folder = Table(
    "folder",
    metadata,
    Column("folder_no", Integer, Identity(always=True), primary_key=True, comment="By which files name it"),
    Column("root", Text, nullable=False, unique=True, comment="Absolute path of the folder of a source"),
    schema="archive",
    comment="Folders of sources",
)

phrase = Table(
    "phrase",
    metadata,
    Column("phrase_no", Integer, Identity(always=True), primary_key=True, comment="By which files name it"),
    Column("digest", LargeBinary, nullable=False, unique=True, comment="SHA-256 of the text in UTF-8"),
    Column("phrase", Text, nullable=False, comment="The text"),
    schema="archive",
    comment="What many files say alike: their layouts, and what they say they belong to",
)


def _folder() -> Column[Any]:
    reference = ForeignKey("archive.folder.folder_no")
    return Column("folder_no", Integer, reference, nullable=False, comment="Folder of the source")


def _phrase(name: str, comment: str) -> Column[Any]:
    return Column(name, Integer, ForeignKey("archive.phrase.phrase_no"), nullable=False, comment=comment)


file = Table(
    "file",
    metadata,
    Column("schema_name", Text, nullable=False, comment="Service"),
    Column("dataset_id", Text, nullable=False, comment="Dataset"),
    _folder(),
    Column("path", Text, nullable=False, comment="Path below the folder, with forward slashes"),
    Column("size_bytes", BigInteger, nullable=False, comment="Size"),
    Column("mtime_ns", BigInteger, nullable=False, comment="When it was changed last, nanoseconds since 1970"),
    # both ends inclusive: UTC nanoseconds are ambiguous during a leap second
    Column("tt2000_min", BigInteger, comment="First epoch, TT2000 nanoseconds, inclusive; NULL: no record"),
    Column("tt2000_max", BigInteger, comment="Last epoch, TT2000 nanoseconds, inclusive; NULL: no record"),
    Column("records", BigInteger, nullable=False, comment="Records of the longest time axis"),
    Column("fill_epochs", BigInteger, nullable=False, server_default=_ZERO, comment="Records without a time"),
    Column("version", Text, nullable=False, server_default=_NO_TEXT, comment="As found in its name; empty if none"),
    Column(
        "granule_uid",
        Text,
        nullable=False,
        server_default=_NO_TEXT,
        comment="Identifier of its granule, where that is not its name without suffix",
    ),
    Column(
        "sha256",
        LargeBinary,
        nullable=False,
        server_default=_NO_TEXT,
        comment="Of the whole content; empty when the source does without checksums",
    ),
    _phrase(
        "layout_no",
        "A line for each time axis: its name, then the names of what is measured along it, with tabs between; empty "
        "when it is not known",
    ),
    Column("embargoed_until", Text, comment="DALI timestamp, UTC, until which only the groups have the file"),
    Column(
        "days",
        Text,
        nullable=False,
        server_default=_NO_TEXT,
        comment="Days of UTC that hold records, as 2020-03-01 2020-03-05/2020-03-07; empty: all from the first epoch "
        "to the last",
    ),
    # by path first: a file is looked for by its address, which names no folder
    PrimaryKeyConstraint("schema_name", "path", "folder_no"),
    _of_dataset(),
    schema="archive",
    comment="Readable files of the datasets; archive.file_in_full has the words in the place of the numbers",
)
Index("file_embargoed", file.c.embargoed_until, postgresql_where=file.c.embargoed_until.is_not(None))
Index("file_by_time", file.c.schema_name, file.c.dataset_id, file.c.tt2000_min, file.c.tt2000_max)

series = Table(
    "series",
    metadata,
    Column("schema_name", Text, nullable=False, comment="Service"),
    Column("dataset_id", Text, nullable=False, comment="Dataset"),
    Column("axis", Text, nullable=False, comment="Epoch variable of its files"),
    Column("position", Integer, nullable=False, comment="Place among the axes of the dataset"),
    Column("public_id", Text, nullable=False, comment="Identifier where there is no room for a service; given once"),
    Column(
        "specimens",
        Text,
        nullable=False,
        server_default=_NO_TEXT,
        comment="Digest of the files that were looked into: the same ones say the same",
    ),
    Column("said", JSONB, nullable=False, comment="Variables, types, fills, units, labels, bins, cadence, a sample"),
    PrimaryKeyConstraint("schema_name", "dataset_id", "axis"),
    UniqueConstraint("public_id"),
    _of_dataset(),
    schema="archive",
    comment="What the newest files of each dataset say of their records, one row for each time axis",
)

summary = Table(
    "summary",
    metadata,
    Column("schema_name", Text, nullable=False, comment="Service"),
    Column("dataset_id", Text, nullable=False, comment="Dataset"),
    Column("axis", Text, nullable=False, comment="Epoch variable of its files"),
    Column("year", Integer, nullable=False, comment="Of UTC"),
    Column("folder", Text, nullable=False, comment="Name of the folder that holds it"),
    Column("edition", Text, nullable=False, comment="Of the way in which it was made"),
    Column("base_ns", BigInteger, nullable=False, comment="Width of its narrowest bins, nanoseconds"),
    Column("kinds", JSONB, nullable=False, comment="Width -> what one of its files holds: a year, month or day"),
    Column("digest", Text, nullable=False, comment="Of the versions of the files that it was made from"),
    Column("sources", JSONB, nullable=False, comment="These files: root, path, version, first and last epoch"),
    Column("facts", JSONB, nullable=False, comment="Variable -> how many values, their range and instants"),
    Column("left_out", JSONB, nullable=False, server_default=text("'{}'"), comment="Variable -> why it is not there"),
    Column("records", BigInteger, nullable=False, comment="Of the time axis"),
    Column("size_bytes", BigInteger, nullable=False, comment="Of all its files"),
    Column("made", _INSTANT, nullable=False, server_default=_NOW, comment="When"),
    PrimaryKeyConstraint("schema_name", "dataset_id", "axis", "year"),
    _of_dataset(),
    schema="archive",
    comment="Which folder holds the statistics of a year of a dataset, and from which files they were made",
)

parameter_fact = Table(
    "parameter_fact",
    metadata,
    Column("schema_name", Text, nullable=False, comment="Service"),
    Column("dataset_id", Text, nullable=False, comment="Dataset"),
    Column("variable", Text, nullable=False, comment="CDF variable"),
    Column("axis", Text, nullable=False, comment="Epoch variable that it goes along"),
    Column("value_min", Double, comment="Least value of all components; NULL without any"),
    Column("value_max", Double, comment="Greatest value of all components; NULL without any"),
    Column("filled_share", Double, comment="Share of its values that are neither fill nor NaN"),
    Column("first_time", Text, comment="DALI timestamp, UTC, of the first record with a value"),
    Column("last_time", Text, comment="DALI timestamp, UTC, of the last record with a value"),
    PrimaryKeyConstraint("schema_name", "dataset_id", "variable"),
    _of_dataset(),
    schema="archive",
    comment="What summaries say of the variables of a dataset as a whole",
)

gap = Table(
    "gap",
    metadata,
    Column("schema_name", Text, nullable=False, comment="Service"),
    Column("dataset_id", Text, nullable=False, comment="Dataset"),
    Column("axis", Text, nullable=False, comment="Epoch variable of its files"),
    Column("tt2000_min", BigInteger, nullable=False, comment="Last record before it, TT2000 nanoseconds"),
    Column("tt2000_max", BigInteger, nullable=False, comment="First record after it, TT2000 nanoseconds"),
    Column("start_time", Text, nullable=False, comment="Last record before it, DALI timestamp, UTC"),
    Column("stop_time", Text, nullable=False, comment="First record after it, DALI timestamp, UTC"),
    Column("time_min", Double, nullable=False, comment="Last record before it, Julian date (UTC)"),
    Column("time_max", Double, nullable=False, comment="First record after it, Julian date (UTC)"),
    PrimaryKeyConstraint("schema_name", "dataset_id", "axis", "tt2000_min"),
    _of_dataset(),
    schema="archive",
    comment="Times without records that are longer than the records around them are apart",
)

scanned_file = Table(
    "scanned_file",
    metadata,
    # not a reference: files are written down while the first ingestion of a service is still looking for them
    Column("schema_name", Text, nullable=False, comment="Service"),
    _folder(),
    Column("path", Text, nullable=False, comment="Path below the folder, with forward slashes"),
    Column("size_bytes", BigInteger, nullable=False, comment="Size"),
    Column("mtime_ns", BigInteger, nullable=False, comment="When it was changed last, nanoseconds since 1970"),
    Column("sha256", LargeBinary, nullable=False, server_default=_NO_TEXT, comment="Of the whole content, or empty"),
    Column("refusal", Text, comment="Why it cannot be used; NULL when it can"),
    _phrase("logical_source_no", "What it says it belongs to"),
    Column("tt2000_min", BigInteger, comment="First epoch, TT2000 nanoseconds, inclusive"),
    Column("tt2000_max", BigInteger, comment="Last epoch, TT2000 nanoseconds, inclusive"),
    Column("records", BigInteger, nullable=False, server_default=_ZERO, comment="Records of the longest time axis"),
    Column("fill_epochs", BigInteger, nullable=False, server_default=_ZERO, comment="Records without a time"),
    Column("description", Text, comment="What it says about its dataset, once that has been asked"),
    Column(
        "edition",
        Text,
        nullable=False,
        server_default=_NO_TEXT,
        comment="Of the way in which it was looked into: another edition may find something else in the same file",
    ),
    _phrase("layout_no", "As in archive.file"),
    Column("days", Text, nullable=False, server_default=_NO_TEXT, comment="As in archive.file"),
    PrimaryKeyConstraint("schema_name", "path", "folder_no"),
    schema="archive",
    comment="Every file that was ever opened and is still there, with what was found: readable ones, refused ones, and "
    "those that no dataset claims. Emptying this table does no harm; the next ingestion opens all files again",
)


def _in_full(stored: Table) -> TableClause:
    """The view of a table of files with words in the place of numbers."""
    words = {"folder_no": "root", "layout_no": "layout", "logical_source_no": "logical_source"}
    names = [words.get(one.name, one.name) for one in stored.columns]
    return table(f"{stored.name}_in_full", *map(column, names), schema=stored.schema)


file_in_full, scanned_file_in_full = _in_full(file), _in_full(scanned_file)

former_uid = Table(
    "former_uid",
    metadata,
    _of_service(),
    Column("former_uid", Text, nullable=False, comment="What a granule was called, or its superseded file"),
    Column("granule_uid", Text, nullable=False, comment="What has come in its place"),
    PrimaryKeyConstraint("schema_name", "former_uid"),
    schema="archive",
    comment="Identifiers that are no longer in epn_core and still answer",
)
Index("former_by_successor", former_uid.c.schema_name, former_uid.c.granule_uid)

withdrawn_dataset = Table(
    "withdrawn_dataset",
    metadata,
    _of_service(),
    Column("dataset_id", Text, nullable=False, comment="Dataset"),
    Column("title", Text, nullable=False, comment="What it was called"),
    Column("resource_id", Text, comment="SPASE ResourceID"),
    Column("granules", BigInteger, nullable=False, comment="Rows that it had"),
    Column("withdrawn_at", TIMESTAMP, nullable=False, comment="UTC"),
    PrimaryKeyConstraint("schema_name", "dataset_id"),
    schema="archive",
    comment="Datasets that were taken back. Their rows and files are gone; this is what remains known",
)

row_state = Table(
    "row_state",
    metadata,
    Column(
        "schema_name",
        Text,
        ForeignKey("archive.service.schema_name", ondelete="CASCADE"),
        primary_key=True,
        comment="Service",
    ),
    Column("fingerprint", Text, nullable=False, comment="Of what the rows were made from"),
    Column("rows", BigInteger, nullable=False, comment="How many they are"),
    Column("said", JSON, nullable=False, comment="What the report said of things that are left out, to be said again"),
    schema="archive",
    comment="What the rows of a service were made from whose sources describe each row",
)

quarantine = Table(
    "quarantine",
    metadata,
    # deferred: on a first ingestion the rows are looked at before the service is recorded
    _of_service(deferrable=True, initially="DEFERRED"),
    Column("granule_uid", Text, comment="Row that was kept out"),
    Column("rules", ARRAY(Text), nullable=False, comment="Rules that it breaks"),
    Column("content", JSONB, nullable=False, comment="The row as it would have been published, without its NULLs"),
    Column(
        "granules",
        BigInteger,
        nullable=False,
        server_default=text("1"),
        comment="How many are like this one: a dataset is set aside as a whole, with one or two of its rows",
    ),
    Column("since", _INSTANT, nullable=False, server_default=_NOW, comment="When"),
    schema="archive",
    comment="Rows kept out of a published table until somebody has looked at them",
)
Index("quarantine_by_granule", quarantine.c.schema_name, quarantine.c.granule_uid)

value_count = Table(
    "value_count",
    metadata,
    _of_service(),
    Column("column_name", Text, nullable=False, comment="Column of epn_core, or * for the rows themselves"),
    Column("value", Text, comment="As text; a cast to the type of the column gives the value"),
    Column("rows", BigInteger, CheckConstraint("rows > 0"), nullable=False, comment="Rows that have the value"),
    UniqueConstraint("schema_name", "column_name", "value", postgresql_nulls_not_distinct=True),
    schema="archive",
    comment="Rows of epn_core by value. A column is here with all its values, NULL included, or not at all",
)

closed_count = Table(
    "closed_count",
    metadata,
    _of_service(),
    Column("column_name", Text, nullable=False, comment="As in value_count"),
    Column("value", Text, comment="As text; a cast to the type of the column gives the value"),
    Column("rows", BigInteger, CheckConstraint("rows > 0"), nullable=False, comment="Rows that have the value"),
    Column("closed_until", _INSTANT, nullable=False, comment="From when on everybody sees them"),
    Column("closed_groups", ARRAY(Text), nullable=False, comment="Whoever is in one of these sees them in any case"),
    schema="archive",
    comment="Rows of epn_core_closed by value, for the columns of which those of epn_core are counted",
)
Index("closed_count_by_column", closed_count.c.schema_name, closed_count.c.column_name)

granule_group = Table(
    "granule_group",
    metadata,
    _of_service(),
    Column("dataset_id", Text, comment="As in the rows; NULL also where a service has no such column"),
    Column("target_name", Text, comment="As in the rows"),
    Column("target_class", Text, comment="As in the rows"),
    Column("target_region", Text, comment="As in the rows; NULL also where a service has no such column"),
    Column("measurement_type", Text, comment="As in the rows"),
    Column("instrument_host_name", Text, comment="As in the rows"),
    Column("instrument_name", Text, comment="As in the rows"),
    Column("dataproduct_type", Text, comment="As in the rows"),
    Column("processing_level", Text, comment="As in the rows, as text"),
    Column("has_access", Boolean, nullable=False, comment="Whether the rows have an access_url"),
    Column("granule_count", BigInteger, nullable=False, comment="Rows of the group"),
    Column("time_min", Double, comment="Least time_min, Julian date (UTC); NULL: no row has one"),
    Column("time_max", Double, comment="Greatest time_max, Julian date (UTC); NULL: no row has one"),
    # one item for each pair of months in which granules begin and end: 12 times the year, and 0 for January; months
    # before year 1 and after year 9999 are counted with the first and the last
    Column("first_months", ARRAY(Integer), nullable=False, comment="Months in which granules begin, UTC"),
    Column("last_months", ARRAY(Integer), nullable=False, comment="Months in which these end, UTC"),
    Column("granules", ARRAY(BigInteger), nullable=False, comment="How many these are"),
    schema="archive",
    comment="Rows of epn_core that have the same values in all that people search by, and how many there are in which "
    "months. True as long as value_count has rows of the service",
)
Index("granule_group_of_dataset", granule_group.c.schema_name, granule_group.c.dataset_id)

coverage = Table(
    "coverage",
    metadata,
    Column(
        "schema_name",
        Text,
        ForeignKey("archive.service.schema_name", ondelete="CASCADE"),
        primary_key=True,
        comment="Service",
    ),
    Column("time_min", Double, comment="Julian date (UTC); NULL when no row has a time"),
    Column("time_max", Double, comment="Julian date (UTC); NULL when no row has a time"),
    _words("target_names", "Single items in alphabetical order"),
    _words("target_classes", "Single items in alphabetical order"),
    _words("dataproduct_types", "Single items in alphabetical order"),
    _words("measurement_types", "Single items in alphabetical order"),
    _words("instrument_host_names", "Single items in alphabetical order"),
    _words("instrument_names", "Single items in alphabetical order"),
    schema="archive",
    comment="What a service covers as a whole",
)

event_table = Table(
    "event_table",
    metadata,
    Column("name", Text, nullable=False, comment="Its events are in the table of this name in the schema of its owner"),
    Column(
        "number",
        BigInteger,
        Identity(always=True),
        primary_key=True,
        comment="By which clients of AMDA's interface name it; never given to another table",
    ),
    Column("title", Text, nullable=False, comment="What it is called"),
    *(
        Column(name, Text, nullable=False, server_default=_NO_TEXT, comment=comment)
        for name, comment in (
            ("description", "What it holds"),
            ("contact", "Whom to ask"),
            ("history", "How it was made, a sentence a line"),
            ("created", "When, as its source spells it"),
            ("modified", "When, as its source spells it"),
            ("reference", "How to cite it: a DOI, bibcode or address"),
            ("licence", "What may be done with it"),
            ("authors", "Who made it"),
        )
    ),
    Column("columns", JSONB, nullable=False, comment="What events have besides start and stop, in order"),
    Column(
        "owner", Text, nullable=False, server_default=_NO_TEXT, comment="Whose it is; empty: everybody's, in events"
    ),
    _words("groups", "Whose members may see it too"),
    Column("rows", BigInteger, nullable=False, comment="Events"),
    Column("first_start", TIMESTAMP, comment="Of all events, UTC; NULL: there is none"),
    Column("last_stop", TIMESTAMP, comment="Of all events, UTC; NULL: there is none"),
    Column("imported", _INSTANT, nullable=False, server_default=_NOW, comment="When it was brought here"),
    UniqueConstraint("owner", "name"),
    schema="archive",
    comment="Time tables and catalogues of events",
)

column_form = Table(
    "column_form",
    metadata,
    Column("schema_name", Text, nullable=False, comment="Schema"),
    Column("table_name", Text, nullable=False, comment="Table"),
    Column("column_name", Text, nullable=False, comment="Column"),
    Column(
        "form",
        Text,
        CheckConstraint("form IN ('dali_text', 'relative_url')"),
        nullable=False,
        comment="A form of catalog.model.Form",
    ),
    PrimaryKeyConstraint("schema_name", "table_name", "column_name"),
    schema="archive",
    comment="How a published column is stored where that differs from what is published",
)

catalog_version = Table(
    "catalog_version",
    metadata,
    Column(
        "only_row",
        Boolean,
        CheckConstraint("only_row"),
        primary_key=True,
        server_default=text("true"),
        comment="There is one row",
    ),
    Column("version", BigInteger, nullable=False, comment="Raised by every publication"),
    Column("changed", _INSTANT, nullable=False, server_default=_NOW, comment="When something was published last"),
    schema="archive",
    comment="Tells web processes when to read their catalogue again",
)

# -- tap_schema: TAP 1.1 section 4; it describes itself, with the same words -------------------------------------------

tap_schemas = Table(
    "schemas",
    metadata,
    Column("schema_name", Text, primary_key=True, comment="Schema name as it is written in a query"),
    Column("utype", Text, comment="Data model of the schema, if it follows one"),
    Column("description", Text, comment="What the schema holds"),
    Column("schema_index", Integer, comment="Recommended position in a list of schemas"),
    schema="tap_schema",
    comment="Published schemas",
)

tap_tables = Table(
    "tables",
    metadata,
    Column(
        "schema_name",
        Text,
        ForeignKey("tap_schema.schemas.schema_name", ondelete="CASCADE"),
        nullable=False,
        comment="Schema that holds the table",
    ),
    Column("table_name", Text, primary_key=True, comment="Table name as it is written after FROM"),
    Column(
        "table_type", Text, CheckConstraint("table_type IN ('table', 'view')"), nullable=False, comment="table or view"
    ),
    Column("utype", Text, comment="Data model of the table, if it follows one"),
    Column("description", Text, comment="What the table holds"),
    Column("table_index", Integer, comment="Recommended position in a list of tables"),
    schema="tap_schema",
    comment="Published tables",
)


def _of_table(name: str, comment: str) -> Column[Any]:
    reference = ForeignKey("tap_schema.tables.table_name", ondelete="CASCADE")
    return Column(name, Text, reference, nullable=False, comment=comment)


def _switch(name: str, comment: str) -> Column[Any]:
    return Column(name, Integer, CheckConstraint(f"{name} IN (0, 1)"), nullable=False, comment=comment)


tap_columns = Table(
    "columns",
    metadata,
    _of_table("table_name", "Table that has the column"),
    Column("column_name", Text, nullable=False, comment="Column name as it is written in a query"),
    Column("datatype", Text, nullable=False, comment="VOTable datatype"),
    Column("arraysize", Text, comment="VOTable arraysize; empty for a scalar"),
    Column("xtype", Text, comment="VOTable xtype"),
    Column("size", Integer, quote=True, comment="Length of a one-dimensional column (deprecated; use arraysize)"),
    Column("description", Text, comment="What the column holds"),
    Column("utype", Text, comment="Data model element"),
    Column("unit", Text, comment="Unit in VOUnit syntax"),
    Column("ucd", Text, comment="UCD of the quantity"),
    _switch("indexed", "1 if an index makes conditions on the column fast"),
    _switch("principal", "1 if the column belongs in a default selection"),
    _switch("std", "1 if a standard defines the column"),
    Column("column_index", Integer, comment="Position in the table"),
    PrimaryKeyConstraint("table_name", "column_name"),
    schema="tap_schema",
    comment="Columns of the published tables",
)

tap_keys = Table(
    "keys",
    metadata,
    Column("key_id", Text, primary_key=True, comment="Identifier of the foreign key"),
    _of_table("from_table", "Table that refers"),
    _of_table("target_table", "Table referred to"),
    Column("description", Text, comment="What the key means"),
    Column("utype", Text, comment="Data model element"),
    schema="tap_schema",
    comment="Foreign keys between published tables",
)

tap_key_columns = Table(
    "key_columns",
    metadata,
    Column(
        "key_id",
        Text,
        ForeignKey("tap_schema.keys.key_id", ondelete="CASCADE"),
        nullable=False,
        comment="Identifier of the foreign key",
    ),
    Column("from_column", Text, nullable=False, comment="Column of the referring table"),
    Column("target_column", Text, nullable=False, comment="Column of the table referred to"),
    PrimaryKeyConstraint("key_id", "from_column"),
    schema="tap_schema",
    comment="Columns of the foreign keys",
)

# -- uws: jobs. The table is the queue: one row, one state machine, claimed by workers, told by NOTIFY -----------------

job = Table(
    "job",
    metadata,
    Column("job_id", Text, CheckConstraint("job_id ~ '^[0-9a-f]{32}$'"), primary_key=True, comment="Its name"),
    Column("kind", Text, nullable=False, comment="Which callable of a worker runs it: tap, soda, summary"),
    Column(
        "phase",
        Text,
        CheckConstraint(
            "phase IN ('PENDING', 'QUEUED', 'EXECUTING', 'COMPLETED', 'ERROR', 'ABORTED', "
            "'UNKNOWN', 'HELD', 'SUSPENDED', 'ARCHIVED')"
        ),
        nullable=False,
        comment="UWS 1.1 section 2.1.3",
    ),
    Column("owner", Text, comment="Who has made it, and alone may have it; NULL: whoever knows its name"),
    Column("session", Text, comment="Digest of the cookie of whoever made it; NULL: came without"),
    Column("client", Text, comment="Digest of the address of whoever made it; NULL: not known"),
    Column("run_id", Text, comment="RUNID"),
    Column("created", _INSTANT, nullable=False, server_default=_NOW, comment="When it was made"),
    Column("queued", _INSTANT, comment="When it was started by its user"),
    Column("started", _INSTANT, comment="When a worker began it"),
    Column("ended", _INSTANT, comment="When it came to its end"),
    Column(
        "execution_duration_s",
        Integer,
        CheckConstraint("execution_duration_s > 0"),
        nullable=False,
        comment="Seconds that it may run",
    ),
    Column("destruction", _INSTANT, nullable=False, comment="When it goes, and its results with it"),
    Column("parameters", JSONB, nullable=False, server_default=text("'[]'"), comment="[[name, value], …] as posted"),
    Column(
        "attempt",
        Integer,
        nullable=False,
        server_default=_ZERO,
        comment="How often a worker has begun it; part of the names of its result files",
    ),
    Column("worker", Text, comment="Worker that runs it"),
    Column("heartbeat", _INSTANT, comment="Last sign of life of the worker"),
    Column("error_message", Text, comment="Why it failed"),
    Column(
        "error_is_transient",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Whether it may succeed another time",
    ),
    Column(
        "results",
        JSONB,
        comment="[{name, media_type, extension, encoding, size_bytes, file_name}, …] in order; NULL: not completed",
    ),
    Column("progress", JSONB, comment="{done, total, doing} as the worker says it; NULL: it says nothing"),
    Column(
        "parts",
        JSONB,
        nullable=False,
        server_default=text("'[]'"),
        comment="Tables posted with it; the files lie beside its results: [{name, file, size_bytes}, …]",
    ),
    _words("groups", "With the rights of which groups it was run"),
    CheckConstraint("(phase = 'EXECUTING') = (worker IS NOT NULL)"),
    CheckConstraint("(phase = 'COMPLETED') = (results IS NOT NULL)"),
    schema="uws",
    comment="Jobs (UWS 1.1). A trigger tells each change of phase",
    postgresql_with={"fillfactor": 70},
)
Index("job_queue", job.c.queued, postgresql_where=job.c.phase == "QUEUED")
Index("job_executing", job.c.job_id, postgresql_where=job.c.phase == "EXECUTING")
Index("job_list", job.c.kind, job.c.created.desc())
Index("job_session", job.c.session, job.c.created.desc())
Index("job_owner", job.c.owner, job.c.created.desc(), postgresql_where=job.c.owner.is_not(None))
Index("job_destruction", job.c.destruction)
Index("job_phase", job.c.kind, job.c.phase)

worker = Table(
    "worker",
    metadata,
    Column("name", Text, primary_key=True, comment="Machine, process, and a random word"),
    Column("kinds", ARRAY(Text), nullable=False, comment="Kinds of jobs that it runs"),
    Column("jobs", Integer, nullable=False, comment="Jobs that it runs at once"),
    Column("started", _INSTANT, nullable=False, server_default=_NOW, comment="When it started"),
    Column("seen", _INSTANT, nullable=False, server_default=_NOW, comment="Last sign of life"),
    schema="uws",
    comment="Workers that live, whether they have a job or not",
    postgresql_with={"fillfactor": 50},
)

# -- account: people, their groups, and what proves who they are. Nothing here is enough to pose as somebody -----------

_NAME_OF_PERSON = "name ~ '^[a-z0-9][a-z0-9._@+-]{0,62}$'"
_NAME_OF_TEAM = "name ~ '^[a-z][a-z0-9._-]{0,62}$'"


def _of_person(name: str = "person", *, primary_key: bool = False) -> Column[Any]:
    reference = ForeignKey("account.person.name", ondelete="CASCADE")
    return Column(name, Text, reference, nullable=False, primary_key=primary_key, comment="Who")


def _of_team() -> Column[Any]:
    reference = ForeignKey("account.team.name", ondelete="CASCADE")
    return Column("team", Text, reference, primary_key=True, comment="Group")


person = Table(
    "person",
    metadata,
    Column("name", Text, CheckConstraint(_NAME_OF_PERSON), primary_key=True, comment="By which they sign in"),
    Column("full_name", Text, nullable=False, server_default=_NO_TEXT, comment="How others know them"),
    Column("email", Text, nullable=False, server_default=_NO_TEXT, comment="Where to reach them"),
    Column("affiliation", Text, nullable=False, server_default=_NO_TEXT, comment="Where they work"),
    Column("password", Text, comment="Argon2, with its parameters; NULL: signs in with tokens only"),
    Column("made", _INSTANT, nullable=False, server_default=_NOW, comment="When the account was made"),
    Column("disabled", _INSTANT, comment="Since when they may not sign in; NULL: they may"),
    schema="account",
    comment="People who may sign in",
)

team = Table(
    "team",
    metadata,
    Column("name", Text, CheckConstraint(_NAME_OF_TEAM), primary_key=True, comment="What rights call it"),
    Column("title", Text, nullable=False, server_default=_NO_TEXT, comment="What people call it"),
    Column(
        "takes_applications",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="Whether people may ask to become members",
    ),
    Column("made", _INSTANT, nullable=False, server_default=_NOW, comment="When it was made"),
    schema="account",
    comment="Groups of people",
)

membership = Table(
    "membership",
    metadata,
    _of_person(primary_key=True),
    _of_team(),
    Column("is_lead", Boolean, nullable=False, server_default=text("false"), comment="Whether they decide who else is"),
    Column("expires", _INSTANT, comment="Until when; NULL: until it is ended"),
    Column("since", _INSTANT, nullable=False, server_default=_NOW, comment="From when on"),
    schema="account",
    comment="Who is in which group",
)
Index("membership_of_team", membership.c.team)

application = Table(
    "application",
    metadata,
    _of_person(primary_key=True),
    _of_team(),
    Column("said", Text, nullable=False, server_default=_NO_TEXT, comment="Why"),
    Column("asked", _INSTANT, nullable=False, server_default=_NOW, comment="When"),
    schema="account",
    comment="Who asks to become a member; a lead decides",
)
Index("application_of_team", application.c.team)

token = Table(
    "token",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True, comment="By which it is named; no secret"),
    Column("digest", Text, nullable=False, unique=True, comment="SHA-256 of the token, which nobody can guess"),
    _of_person(),
    Column(
        "kind",
        Text,
        CheckConstraint("kind IN ('application', 'session')"),
        nullable=False,
        comment="For a program, or of somebody who has signed in",
    ),
    Column("label", Text, nullable=False, server_default=_NO_TEXT, comment="What its owner calls it"),
    _words("scopes", "What it is good for: read, upload, run, manage"),
    Column("made", _INSTANT, nullable=False, server_default=_NOW, comment="When it was made"),
    Column("expires", _INSTANT, comment="Until when it is good; NULL: until it is revoked"),
    Column("revoked", _INSTANT, comment="Since when it is not good any more; NULL: it is"),
    schema="account",
    comment="Tokens of programs and of sessions",
)
Index("token_of_person", token.c.person, token.c.kind, token.c.made.desc())

attempt = Table(
    "attempt",
    metadata,
    Column("key", Text, primary_key=True, comment="Digest of a name, an address, or both"),
    Column("failures", Integer, nullable=False, comment="Wrong passwords since then"),
    Column("since", _INSTANT, nullable=False, comment="When counting began"),
    schema="account",
    comment="Wrong passwords of the last minutes, so that nobody guesses",
)

audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True, comment="In the order of time"),
    Column("at", _INSTANT, nullable=False, server_default=_NOW, comment="When"),
    Column("what", Text, nullable=False, comment="What was done"),
    Column("person", Text, nullable=False, server_default=_NO_TEXT, comment="Whom it concerns"),
    Column("team", Text, nullable=False, server_default=_NO_TEXT, comment="Which group it concerns"),
    Column("by", Text, nullable=False, server_default=_NO_TEXT, comment="Who did it; empty: the operator"),
    Column("client", Text, nullable=False, server_default=_NO_TEXT, comment="From which address"),
    schema="account",
    comment="What was done to accounts, and by whom. No secret is in it",
)
Index("audit_at", audit.c.at)
Index("audit_of_person", audit.c.person, audit.c.at)

secret = Table(
    "secret",
    metadata,
    Column("purpose", Text, primary_key=True, comment="What is signed with it"),
    Column("value", LargeBinary, nullable=False, comment="Random bytes, the same for all processes"),
    Column("made", _INSTANT, nullable=False, server_default=_NOW, comment="When"),
    schema="account",
    comment="Keys by which this installation knows what it has signed",
)

spent = Table(
    "spent",
    metadata,
    Column("key", Text, primary_key=True, comment="Digest of a day and of who asks, with a key: it tells nobody"),
    Column("bytes", BigInteger, nullable=False, comment="Had on that day"),
    Column("rows", BigInteger, nullable=False, comment="Of queries, had on that day"),
    Column("since", _INSTANT, nullable=False, server_default=_NOW, comment="First answer of the day"),
    schema="account",
    comment="What was had today, where there is a limit",
)

usage = Table(
    "usage",
    metadata,
    Column("month", Text, nullable=False, comment="YYYY-MM, UTC"),
    Column("schema_name", Text, nullable=False, comment="Service"),
    Column("dataset_id", Text, nullable=False, comment="Dataset"),
    Column("team", Text, nullable=False, server_default=_NO_TEXT, comment="Group of who asked; empty for the world"),
    Column("answers", BigInteger, nullable=False, comment="With data of it"),
    Column("bytes", BigInteger, nullable=False, comment="That were sent of them"),
    PrimaryKeyConstraint("month", "schema_name", "dataset_id", "team"),
    schema="account",
    comment="What was had of the data, by month, dataset and group; nobody is named",
)


def _of_owner() -> Column[Any]:
    reference = ForeignKey("account.person.name", ondelete="CASCADE")
    return Column("owner", Text, reference, nullable=False, primary_key=True, comment="Whose it is")


kept_table = Table(
    "kept_table",
    metadata,
    _of_owner(),
    Column("name", Text, primary_key=True, comment="Of the table in the schema of its owner"),
    Column("columns", JSONB, nullable=False, comment="As catalog.model describes them"),
    Column("rows", BigInteger, nullable=False, comment="How many"),
    Column("bytes", BigInteger, nullable=False, comment="On the disk"),
    Column("description", Text, nullable=False, server_default=_NO_TEXT, comment="As the file says it"),
    Column("made", _INSTANT, nullable=False, server_default=_NOW, comment="When it was brought"),
    Column("expires", _INSTANT, nullable=False, comment="When it is removed"),
    schema="account",
    comment="Tables that people have brought and keep",
)
Index("kept_table_expires", kept_table.c.expires)

saved_query = Table(
    "saved_query",
    metadata,
    _of_owner(),
    Column("name", Text, primary_key=True, comment="What its owner calls it"),
    Column("query", Text, nullable=False, comment="ADQL"),
    Column("made", _INSTANT, nullable=False, server_default=_NOW, comment="When it was kept"),
    schema="account",
    comment="Queries that people keep by a name",
)

batch = Table(
    "batch",
    metadata,
    Column("batch_no", Integer, Identity(always=True), primary_key=True, comment="Of its advisory lock, too"),
    Column("run", Integer, nullable=False, comment="Who waits for it, and holds the advisory lock of this number"),
    Column("number", Integer, nullable=False, comment="Place within the run"),
    Column("program", Text, nullable=False, comment="Version of the program, of which workers have to be too"),
    Column("errand", Text, nullable=False, comment="What is to be done: scan, year"),
    Column("work", Text, nullable=False, comment="JSON of what it is to be done with"),
    Column("worker", Text, comment="Who has it; NULL: nobody"),
    Column("claims", Integer, nullable=False, server_default=_ZERO, comment="How often a worker has taken it"),
    Column("results", Text, comment="JSON of what came of it; NULL: nothing yet"),
    Column(
        "is_lost",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Whether the process that did it died, or too many workers that had it",
    ),
    schema="uws",
    comment="Parts of ingestions and summaries that workers do for them; a part that is fetched is gone",
)
Index("batch_of_run", batch.c.run)
