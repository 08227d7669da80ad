"""CDF files that say the same variable in different ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.support.cdf_builder import CdfBuilder
from tests.support.made_files import EPOCH_MS, seconds

__all__ = ["write_differing"]


def write_differing(path: Path, first: float, about: dict[str, Any]) -> Path:  # what a property test draws
    """A file of three records from `first` on, with a variable n as `about` has it and one that is always there."""
    times = [first, first + 1, first + 2]
    is_tt2000 = about["epochs"] == "tt2000"
    epochs = seconds(*times) if is_tt2000 else [EPOCH_MS + 1000.0 * one for one in times]
    builder = CdfBuilder().axis("Epoch", epochs, kind=about["epochs"])
    dtype = np.dtype(about["kind"])
    values = np.repeat(np.array(about["values"], dtype)[:, None], about["size"], axis=1)
    attributes: dict[str, Any] = {"DEPEND_0": "Epoch", "VAR_TYPE": "data"}
    attributes |= {"UNITS": about["units"]} if about["units"] else {}
    attributes |= {"COORDINATE_SYSTEM": about["frame"]} if about.get("frame") else {}
    if about["fill"] is not None:
        attributes["FILLVAL"] = np.array([about["fill"]], "f8" if dtype.kind == "f" else "i8")
    match about["present"]:
        case "series":
            builder.variable(about["spelled"], values, **attributes)
        case "whole":
            del attributes["DEPEND_0"]
            builder.variable(about["spelled"], values[:1], fixed=True, **attributes)
        case "short":
            builder.variable(about["spelled"], values[:2], **attributes)
        case "virtual":
            builder.variable(about["spelled"], values[:0], VIRTUAL="TRUE", **attributes)
    builder.variable("other", np.array(times, "f8"), DEPEND_0="Epoch")
    return builder.write(path)
