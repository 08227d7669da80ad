"""A draft for a tree of labels: keywords that the labels share and what they fill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from epntap.errors import UnreadableFileError
from ingest.labels.pds3 import has_attached_label, read_pds3
from ingest.labels.pds4 import is_pds4, read_pds4
from ingest.labels.record import Label
from ingest.newservice.draft import Draft, Setting
from ingest.newservice.synonyms import BODIES, LABEL_KEYWORDS, target_class
from ingest.tables.values import Raw

__all__ = ["draft_labels", "sample_labels"]

#: labels that are looked at
MOST = 25
#: codes of DATA_OBJECT_TYPE, by the objects that a label describes
_PRODUCTS = (("IMAGE", "im"), ("QUBE", "sc"), ("Array_2D_Image", "im"), ("Array_3D_Spectrum", "sc"))


def sample_labels(root: Path, paths: Sequence[str]) -> list[Label]:
    """The first labels among the files, as far as they can be read."""
    found: list[Label] = []
    for path in paths:
        full, lower = root / path, path.lower()
        try:
            if lower.endswith(".lbl"):
                found.append(read_pds3(full, path))
            elif lower.endswith((".xml", ".lblx")):
                if is_pds4(full):
                    found.append(read_pds4(full, path))
            elif has_attached_label(full):
                found.append(read_pds3(full, path))
        except UnreadableFileError:
            continue
        if len(found) == MOST:
            break
    return found


def draft_labels(draft: Draft, labels: Sequence[Label]) -> None:
    """Add to a draft what the labels tell."""
    for column, keywords in LABEL_KEYWORDS.items():
        present = [word for word in keywords if any(_has_value(label.get(word)) for label in labels)]
        if present:
            draft.mapped[column] = Setting(present[0] if len(present) == 1 else {"from": present})
    _need_target(draft, labels)
    if "time_min" not in draft.mapped:
        draft.questions.append("No label has a start time; time_min and time_max stay NULL.")
    code = next((code for word, code in _PRODUCTS if any(_mentions(label, word) for label in labels)), "ts")
    draft.columns["dataproduct_type"] = Setting(code)
    draft.questions.append(f"dataproduct_type is set to {code}; is that right?")


def _has_value(raw: Raw) -> bool:
    return raw is not None and str(raw).strip().upper() not in {"", "NULL", "N/A", "UNK"}


def _mentions(label: Label, word: str) -> bool:
    return any(f".{word}." in f".{name}" for name in label.keywords())


def _need_target(draft: Draft, labels: Sequence[Label]) -> None:
    names = Counter(
        str(raw[0] if isinstance(raw, tuple | list) else raw)
        for label in labels
        if _has_value(raw := label.get("TARGET_NAME") or label.get("Target_Identification.name"))
    )
    if not names:
        draft.columns["target_class"] = Setting("sample")
        draft.questions.append("No label names a target; target_class is set to sample.")
        return
    source = draft.mapped["target_name"].value
    keywords = source["from"] if isinstance(source, dict) else source
    renamed = {was: BODIES[was.lower()][0] for was in names if was.lower() in BODIES}
    draft.mapped["target_name"] = Setting(
        {"from": keywords, "values": renamed} if any(was != now for was, now in renamed.items()) else keywords
    )
    classes = {name: kind for name in names if (kind := target_class(name))}
    draft.mapped["target_class"] = Setting({"from": keywords, "values": classes})
    unknown = sorted(set(names) - set(classes))
    if unknown:
        draft.questions.append(f"target_class of {', '.join(unknown[:5])} is not known; add it to values.")
