"""/datalink/soda/capabilities and /datalink/soda/availability (SODA 1.0 §2, VOSI 1.1)."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from epntap.settings import Settings

__all__ = ["soda_availability", "soda_capabilities"]

_NAMESPACES = (
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:vosi="http://www.ivoa.net/xml/VOSICapabilities/v1.0"'
    ' xmlns:vr="http://www.ivoa.net/xml/VOResource/v1.0"'
    ' xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1"'
)
#: name, UCD, unit, data type, arraysize, extended type, description (VODataService 1.1 §3.5)
_PARAMS = (
    ("ID", "meta.ref.url;meta.curation", "", "char", "*", "", "granule_uid of a granule, or dataset_id of a dataset"),
    ("TIME", "time.interval;obs.exposure", "d", "double", "2", "interval", "closed interval to keep, MJD in UTC"),
    ("START", "time.start", "", "char", "*", "timestamp", "first instant to keep, UTC"),
    ("STOP", "time.end", "", "char", "*", "timestamp", "instant before which to end, UTC"),
    ("PARAMETERS", "meta.id", "", "char", "*", "", "names of parameters, separated by commas; all if left out"),
    ("FORMAT", "meta.code.mime", "", "char", "*", "", "format of the result; CDF if left out"),
)


def soda_capabilities(settings: Settings) -> bytes:
    """What the cut-out service can do, where, and within which limits."""
    base = f"{settings.base_url}/datalink/soda"
    at_once = f"Cut-outs of up to {settings.soda_sync_bytes:,} bytes of values, one for each request."
    as_jobs = (
        f"Jobs (UWS 1.1) with up to {settings.soda_async_combinations:,} combinations of ID and interval and "
        f"{settings.soda_async_bytes:,} bytes of values; results are kept for {settings.job_lifetime_s // 3600} hours."
    )
    parts = [
        _capability("ivo://ivoa.net/std/SODA#sync-1.0", f"{base}/sync", at_once, is_soda=True),
        _capability("ivo://ivoa.net/std/SODA#async-1.0", f"{base}/async", as_jobs, is_soda=True),
        _capability("ivo://ivoa.net/std/VOSI#capabilities", f"{base}/capabilities"),
        _capability("ivo://ivoa.net/std/VOSI#availability", f"{base}/availability"),
    ]
    start = f'<?xml version="1.0" encoding="UTF-8"?>\n<vosi:capabilities{_NAMESPACES}>\n'
    return (start + "".join(parts) + "</vosi:capabilities>\n").encode()


def soda_availability(*, available: bool, note: str = "") -> bytes:
    """Whether cut-outs can be made now."""
    said = f"<note>{escape(note)}</note>" if note else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<availability xmlns="http://www.ivoa.net/xml/VOSIAvailability/v1.0">'
        f"<available>{str(available).lower()}</available>{said}</availability>\n"
    ).encode()


def _capability(standard_id: str, address: str, description: str = "", *, is_soda: bool = False) -> str:
    about = f"<description>{escape(description)}</description>" if description else ""
    interface = f'<accessURL use="{"base" if is_soda else "full"}">{escape(address)}</accessURL>'
    role = ""
    if is_soda:
        role = ' role="std" version="1.0"'
        interface += "<queryType>GET</queryType><queryType>POST</queryType>"
        interface += "".join(_param(*param) for param in _PARAMS)
    return (
        f"<capability standardID={quoteattr(standard_id)}>{about}"
        f'<interface xsi:type="vs:ParamHTTP"{role}>{interface}</interface></capability>\n'
    )


def _param(name: str, ucd: str, unit: str, datatype: str, arraysize: str, xtype: str, description: str) -> str:
    extended = f' extendedType="{xtype}"' if xtype else ""
    return (
        f'<param use="{"required" if name == "ID" else "optional"}" std="{str(name in {"ID", "TIME"}).lower()}">'
        f"<name>{name}</name><description>{escape(description)}</description>"
        + (f"<unit>{unit}</unit>" if unit else "")
        + f"<ucd>{ucd}</ucd>"
        f'<dataType xsi:type="vs:VOTableType" arraysize="{arraysize}"{extended}>{datatype}</dataType></param>'
    )
