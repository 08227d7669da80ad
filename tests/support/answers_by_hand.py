"""Fifty questions about the demonstration in every kind of ADQL, and the same answered by hand from its rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["QUESTIONS", "Answer", "E", "Rows", "Table"]

E = "amdadb.epn_core"

Rows = list[dict[str, Any]]
Table = list[tuple[Any, ...]]
Answer = Callable[[Rows], Sequence[Any]]


def column(rows: Rows, name: str) -> Any:  # a numpy array
    return np.array([row[name] for row in rows])


def has(text: str | None, item: str) -> bool:
    return text is not None and item.lower() in text.lower().split("#")


def pick(rows: Rows, *names: str) -> Table:
    return [tuple(row[name] for name in names) for row in rows]


def grouped(rows: Rows, name: str) -> dict[Any, Rows]:
    groups: dict[Any, Rows] = {}
    for row in rows:
        groups.setdefault(row[name], []).append(row)
    return groups


T0, T1 = 2457752.5, 2457754.5

#: query, the same by hand, whether the order counts
QUESTIONS: list[tuple[str, Answer, bool]] = [
    (f"SELECT COUNT(*) FROM {E}", lambda r: [(len(r),)], False),
    (f"select count (*) from {E}", lambda r: [(len(r),)], False),
    (f"SELECT COUNT(access_url) FROM {E}", lambda r: [(sum(x["access_url"] is not None for x in r),)], False),
    (f"SELECT COUNT(DISTINCT dataset_id) FROM {E}", lambda r: [(len({x["dataset_id"] for x in r}),)], False),
    (f"SELECT granule_uid FROM {E}", lambda r: pick(r, "granule_uid"), False),
    (
        f"SELECT granule_uid, time_min, time_max FROM {E}",
        lambda r: pick(r, "granule_uid", "time_min", "time_max"),
        False,
    ),
    ('SELECT "granule_uid" FROM "amdadb"."epn_core"', lambda r: pick(r, "granule_uid"), False),
    (f"SELECT TOP 5 granule_uid FROM {E} ORDER BY granule_uid", lambda r: pick(r[:5], "granule_uid"), True),
    (
        f"SELECT TOP 5 granule_uid FROM {E} ORDER BY granule_uid OFFSET 7",
        lambda r: pick(r[7:12], "granule_uid"),
        True,
    ),
    (
        f"SELECT granule_uid, time_min FROM {E} ORDER BY time_min DESC, 1",
        lambda r: pick(sorted(r, key=lambda x: (-x["time_min"], x["granule_uid"])), "granule_uid", "time_min"),
        True,
    ),
    (
        f"SELECT MIN(time_min), MAX(time_max) FROM {E}",
        lambda r: [(column(r, "time_min").min(), column(r, "time_max").max())],
        False,
    ),
    (
        f"SELECT AVG(time_max - time_min) FROM {E}",
        lambda r: [(float(np.mean(column(r, "time_max") - column(r, "time_min"))),)],
        False,
    ),
    (f"SELECT SUM(access_estsize) FROM {E}", lambda r: [(sum(x["access_estsize"] or 0 for x in r),)], False),
    (
        f"SELECT SUM(processing_level), AVG(processing_level) FROM {E}",
        lambda r: [(sum(x["processing_level"] for x in r), float(np.mean(column(r, "processing_level"))))],
        False,
    ),
    (f"SELECT DISTINCT target_name FROM {E}", lambda r: list({(x["target_name"],) for x in r}), False),
    (
        f"SELECT DISTINCT TOP 2 instrument_host_name FROM {E} ORDER BY instrument_host_name",
        lambda r: sorted({(x["instrument_host_name"],) for x in r})[:2],
        True,
    ),
    (
        f"SELECT dataset_id, COUNT(*) AS n FROM {E} GROUP BY dataset_id",
        lambda r: [(name, len(group)) for name, group in grouped(r, "dataset_id").items()],
        False,
    ),
    (
        f"SELECT dataset_id, COUNT(access_url) AS n FROM {E} GROUP BY dataset_id HAVING COUNT(access_url) < 7",
        lambda r: [
            (name, n)
            for name, group in grouped(r, "dataset_id").items()
            if (n := sum(x["access_url"] is not None for x in group)) < 7
        ],
        False,
    ),
    (
        f"SELECT instrument_name, MAX(access_estsize) AS biggest FROM {E} GROUP BY instrument_name ORDER BY instrument_name",
        lambda r: [
            (name, max((x["access_estsize"] for x in group if x["access_estsize"] is not None), default=None))
            for name, group in sorted(grouped(r, "instrument_name").items())
        ],
        True,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE 1 = ivo_hashlist_has(lower(target_name), lower('MARS'))",
        lambda r: pick([x for x in r if has(x["target_name"], "mars")], "granule_uid"),
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE ivo_hashlist_has(target_name, 'Earth') = 1",
        lambda r: pick([x for x in r if has(x["target_name"], "earth")], "granule_uid"),
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE NOT ivo_hashlist_has(target_name, 'Earth') = 1",
        lambda r: pick([x for x in r if not has(x["target_name"], "earth")], "granule_uid"),
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE 1 = ivo_hashlist_has(measurement_type, 'phys.magField')",
        lambda r: pick([x for x in r if has(x["measurement_type"], "phys.magfield")], "granule_uid"),
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE time_min <= {T1} AND time_max >= {T0}",
        lambda r: pick([x for x in r if x["time_min"] <= T1 and x["time_max"] >= T0], "granule_uid"),
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE time_min BETWEEN {T0} AND {T1}",
        lambda r: pick([x for x in r if T0 <= x["time_min"] <= T1], "granule_uid"),
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE NOT time_min BETWEEN {T0} AND {T1}",
        lambda r: pick([x for x in r if not T0 <= x["time_min"] <= T1], "granule_uid"),
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE access_url IS NULL",
        lambda r: pick([x for x in r if x["access_url"] is None], "granule_uid"),
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE access_url IS NOT NULL AND access_estsize > 100",
        lambda r: pick([x for x in r if x["access_url"] is not None and x["access_estsize"] > 100], "granule_uid"),
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE dataset_id IN ('syna-mag', 'sync-mom', 'none')",
        lambda r: pick([x for x in r if x["dataset_id"] in {"syna-mag", "sync-mom"}], "granule_uid"),
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE dataset_id NOT IN ('syna-mag', 'sync-mom')",
        lambda r: pick([x for x in r if x["dataset_id"] not in {"syna-mag", "sync-mom"}], "granule_uid"),
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE granule_uid LIKE 'syna%'",
        lambda r: pick([x for x in r if x["granule_uid"].startswith("syna")], "granule_uid"),
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE granule_uid LIKE 'syn_-mag_2016123_'",
        lambda r: pick(
            [x for x in r if x["granule_uid"].startswith(("syna-mag_2016123", "synb-mag_2016123", "sync-mag_2016123"))],
            "granule_uid",
        ),
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE granule_uid NOT LIKE '%mag%'",
        lambda r: pick([x for x in r if "mag" not in x["granule_uid"]], "granule_uid"),
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE instrument_host_name ILIKE '%SYNTHIA-a%'",
        lambda r: pick([x for x in r if "synthia-a" in x["instrument_host_name"].lower()], "granule_uid"),
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE (processing_level = 3 OR time_min < {T0}) AND NOT dataset_id = 'syna-mag'",
        lambda r: pick(
            [x for x in r if (x["processing_level"] == 3 or x["time_min"] < T0) and x["dataset_id"] != "syna-mag"],
            "granule_uid",
        ),
        False,
    ),
    (
        f"SELECT LOWER(instrument_host_name), UPPER(granule_uid) FROM {E}",
        lambda r: [(x["instrument_host_name"].lower(), x["granule_uid"].upper()) for x in r],
        False,
    ),
    (
        f"SELECT granule_uid || '/' || dataset_id FROM {E}",
        lambda r: [(f"{x['granule_uid']}/{x['dataset_id']}",) for x in r],
        False,
    ),
    (
        f"SELECT granule_uid, (time_max - time_min) * 24 AS hours FROM {E}",
        lambda r: [(x["granule_uid"], (x["time_max"] - x["time_min"]) * 24) for x in r],
        False,
    ),
    (
        f"SELECT granule_uid, FLOOR(time_min), CEILING(time_max), ROUND(time_min, 2) FROM {E}",
        lambda r: [
            (x["granule_uid"], math.floor(x["time_min"]), math.ceil(x["time_max"]), round(x["time_min"], 2)) for x in r
        ],
        False,
    ),
    (
        f"SELECT granule_uid, SQRT(time_sampling_step_min), LOG(time_sampling_step_min), LOG10(time_sampling_step_min) FROM {E}",
        lambda r: [
            (x["granule_uid"], math.sqrt(s), math.log(s), math.log10(s))
            for x in r
            if (s := x["time_sampling_step_min"])
        ],
        False,
    ),
    (
        f"SELECT granule_uid, MOD(processing_level, 2), POWER(processing_level, 2), -processing_level FROM {E}",
        lambda r: [
            (x["granule_uid"], x["processing_level"] % 2, float(x["processing_level"] ** 2), -x["processing_level"])
            for x in r
        ],
        False,
    ),
    (
        f"SELECT granule_uid, SIN(time_min), ATAN2(time_min, 2), DEGREES(PI()) FROM {E}",
        lambda r: [(x["granule_uid"], math.sin(x["time_min"]), math.atan2(x["time_min"], 2), 180.0) for x in r],
        False,
    ),
    (
        f"SELECT granule_uid, COALESCE(access_format, 'none') FROM {E}",
        lambda r: [(x["granule_uid"], x["access_format"] or "none") for x in r],
        False,
    ),
    (
        f"SELECT granule_uid, CAST(processing_level AS VARCHAR), CAST(time_min AS INTEGER) FROM {E}",
        lambda r: [(x["granule_uid"], str(x["processing_level"]), int(np.rint(x["time_min"]))) for x in r],
        False,
    ),
    (
        f"SELECT a.granule_uid, b.granule_uid FROM {E} AS a JOIN {E} AS b ON a.dataset_id = b.dataset_id AND a.time_min < b.time_min",
        lambda r: [
            (a["granule_uid"], b["granule_uid"])
            for a in r
            for b in r
            if a["dataset_id"] == b["dataset_id"] and a["time_min"] < b["time_min"]
        ],
        False,
    ),
    (
        f"SELECT a.granule_uid, b.granule_uid FROM {E} AS a LEFT JOIN {E} AS b ON a.dataset_id = b.dataset_id AND b.time_min = a.time_min + 1",
        lambda r: [
            (
                a["granule_uid"],
                next(
                    (
                        b["granule_uid"]
                        for b in r
                        if b["dataset_id"] == a["dataset_id"] and b["time_min"] == a["time_min"] + 1
                    ),
                    None,
                ),
            )
            for a in r
        ],
        False,
    ),
    (
        f"SELECT x.dataset_id, x.n FROM (SELECT dataset_id, COUNT(*) AS n FROM {E} WHERE time_min > {T0} GROUP BY dataset_id) AS x WHERE x.n > 3",
        lambda r: [
            (name, len(g))
            for name, g in grouped([x for x in r if x["time_min"] > T0], "dataset_id").items()
            if len(g) > 3
        ],
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} AS a WHERE EXISTS (SELECT granule_uid FROM {E} AS b WHERE b.dataset_id = a.dataset_id AND b.access_url IS NULL)",
        lambda r: pick(
            [a for a in r if any(b["dataset_id"] == a["dataset_id"] and b["access_url"] is None for b in r)],
            "granule_uid",
        ),
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE dataset_id IN (SELECT dataset_id FROM {E} WHERE access_url IS NULL)",
        lambda r: pick(
            [a for a in r if a["dataset_id"] in {b["dataset_id"] for b in r if b["access_url"] is None}], "granule_uid"
        ),
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} WHERE creation_date > '2020-01-01' AND creation_date < '2020-01-02'",
        lambda _r: [],
        False,
    ),
    (
        f"SELECT COUNT(*) FROM {E} WHERE creation_date >= CAST('2020-01-01T00:00:00' AS TIMESTAMP)",
        lambda r: [(len(r),)],
        False,
    ),
    (
        f"SELECT granule_uid FROM {E} NATURAL JOIN (SELECT granule_uid FROM {E} WHERE time_min < {T0}) AS early",
        lambda r: pick([x for x in r if x["time_min"] < T0], "granule_uid"),
        False,
    ),
]
