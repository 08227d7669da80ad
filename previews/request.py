"""What is asked of a picture, and what may be asked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cutouts.interval import check_ends, instant_or_end
from epntap.access import ANONYMOUS, Caller
from epntap.dali.params import Params, single
from epntap.errors import NotFoundError, ParameterError

__all__ = [
    "MOST_PANELS",
    "WIDTHS",
    "Form",
    "PictureRequest",
    "events_of",
    "interval_of",
    "names_of",
    "picture_request",
    "split_name",
    "width_of",
]

#: of a picture, pixels; the narrow ones are thumbnails
WIDTHS = (160, 320, 640, 960, 1280, 1920)
_USUAL_WIDTH = 960
#: parameters in one picture
MOST_PANELS = 8


class Form(StrEnum):
    """How a picture is written; the value is the extension."""

    PNG = "png"
    SVG = "svg"

    @property
    def media_type(self) -> str:
        """Of the picture."""
        return "image/png" if self is Form.PNG else "image/svg+xml"


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """One picture of a granule or dataset."""

    schema: str
    #: granule_uid or dataset
    identifier: str
    form: Form = Form.PNG
    width: int = _USUAL_WIDTH
    #: TT2000, half-open; None: as far as the data reach
    start: int | None = None
    stop: int | None = None
    #: names of variables; none: those that matter most
    parameters: tuple[str, ...] = ()
    caller: Caller = ANONYMOUS
    #: table of events that are marked; empty: none
    events: str = ""


def split_name(name: str) -> tuple[str, Form]:
    """The identifier and the form of `<identifier>.<extension>`. Raises NotFoundError for another name."""
    stem, _, extension = name.rpartition(".")
    if not stem or extension not in set(Form):
        raise NotFoundError(f"{name!r} is no name of a picture; expected one that ends in .png or .svg.")
    return stem, Form(extension)


def width_of(params: Params) -> int:
    """The width that is asked for. Raises ParameterError for one that is not made."""
    text = (single(params, "WIDTH") or str(_USUAL_WIDTH)).strip()
    if text not in {str(one) for one in WIDTHS}:
        raise ParameterError(f"width must be one of {', '.join(map(str, WIDTHS))} pixels, but is {text[:40]!r}.")
    return int(text)


def picture_request(schema: str, name: str, params: Params, caller: Caller) -> PictureRequest:
    """The request of an address. Raises ParameterError and NotFoundError with what was expected and found."""
    identifier, form = split_name(name)
    start, stop = interval_of(params)
    return PictureRequest(
        schema, identifier, form, width_of(params), start, stop, names_of(params), caller, events_of(params)
    )


def events_of(params: Params) -> str:
    """The table whose events are marked; empty where none is named."""
    return (single(params, "EVENTS") or "").strip()


def names_of(params: Params) -> tuple[str, ...]:
    """The parameters that are asked for. Raises ParameterError for too many."""
    names = tuple(
        dict.fromkeys(one.strip() for text in params.get("PARAMETERS", ()) for one in text.split(",") if one.strip())
    )
    if len(names) > MOST_PANELS:
        raise ParameterError(f"A picture shows {MOST_PANELS} parameters at most, but {len(names)} are asked for.")
    return names


def interval_of(params: Params) -> tuple[int | None, int | None]:
    """Start and stop, TT2000, each None where it is not given. Raises ParameterError."""
    start, stop = _instant(params, "START"), _instant(params, "STOP")
    if start is not None and stop is not None:
        said = single(params, "START") or "", single(params, "STOP") or ""
        check_ends((start, stop), said, ("start", "stop"))
    return start, stop


def _instant(params: Params, name: str) -> int | None:
    """UTC as TT2000."""
    text = single(params, name)
    if text is None:
        return None
    return instant_or_end(text, name.lower())
