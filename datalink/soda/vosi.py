"""/datalink/soda/capabilities (SODA 1.0 §2, VOSI 1.1)."""

from __future__ import annotations

from epntap.dali.vosi import E, Element, capability, data_type, document_root, interface, texts, to_xml
from epntap.settings import Settings

__all__ = ["soda_capabilities"]

#: name, UCD, unit, data type, arraysize, extended type, description (VODataService 1.1 §3.5)
_PARAMS = (
    ("ID", "meta.ref.url;meta.curation", "", "char", "*", "", "granule_uid of a granule, or dataset_id of a dataset"),
    ("TIME", "time.interval;obs.exposure", "d", "double", "2", "interval", "closed interval to keep, MJD in UTC"),
    ("START", "time.start", "", "char", "*", "timestamp", "first instant to keep, UTC"),
    ("STOP", "time.end", "", "char", "*", "timestamp", "instant before which to end, UTC"),
    (
        "EVENTS",
        "meta.id;meta.table",
        "",
        "char",
        "*",
        "",
        "table of events whose times are kept, in place of START, STOP",
    ),
    (
        "JOINED",
        "meta.code",
        "",
        "char",
        "*",
        "",
        "1: the times of all events in one cut-out; else one for each, in jobs",
    ),
    ("PARAMETERS", "meta.id", "", "char", "*", "", "names of parameters, separated by commas; all if left out"),
    ("FORMAT", "meta.code.mime", "", "char", "*", "", "format of the result; CDF if left out"),
)


def soda_capabilities(settings: Settings, *, signs_in: bool = False) -> bytes:
    """What the cut-out service can do, where, and within which limits."""
    soda = settings.addresses.soda
    at_once = f"Cut-outs of up to {settings.soda_sync_bytes:,} bytes of values, one for each request."
    as_jobs = (
        f"Jobs (UWS 1.1) with up to {settings.soda_async_combinations:,} combinations of ID and interval and "
        f"{settings.soda_async_bytes:,} bytes of values; results are kept for {settings.job_lifetime_s // 3600} hours."
    )
    root = document_root("vosi", "capabilities", "vr", "vs")
    for kind, about in (("sync", at_once), ("async", as_jobs)):
        address = interface(soda(kind), use="base", signs_in=signs_in, role="std", version="1.0")
        address.extend([E.queryType("GET"), E.queryType("POST"), *(_param(*param) for param in _PARAMS)])
        root.append(capability(f"ivo://ivoa.net/std/SODA#{kind}-1.0", address, description=about))
    for kind in ("capabilities", "availability"):
        root.append(capability(f"ivo://ivoa.net/std/VOSI#{kind}", interface(soda(kind), use="full")))
    return to_xml(root)


def _param(name: str, ucd: str, unit: str, datatype: str, arraysize: str, xtype: str, description: str) -> Element:
    use, std = ("required" if name == "ID" else "optional"), str(name in {"ID", "TIME"}).lower()
    param: Element = E.param(use=use, std=std)
    texts(param, [("name", name), ("description", description), ("unit", unit), ("ucd", ucd)])
    param.append(data_type(datatype, arraysize, xtype))
    return param
