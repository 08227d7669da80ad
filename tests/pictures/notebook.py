"""The tutorial that is a notebook: run against a service, and kept with what came back.

python -m tests.pictures.notebook http://127.0.0.1:8080     runs it and writes its outputs into it
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import nbformat
from nbclient import NotebookClient

from tests.support.places import ROOT

__all__ = ["NOTEBOOK", "executed", "outputs"]

NOTEBOOK = ROOT / "docs" / "tutorials" / "find-get-plot.ipynb"
#: what readers are told to start
_USUAL = "http://127.0.0.1:8080"
_WITHIN_S = 120


def executed(base: str) -> dict[str, Any]:  # JSON
    """The notebook with what this service answers, as if it were where the notebook says."""
    notebook = nbformat.reads(NOTEBOOK.read_text(encoding="utf-8").replace(_USUAL, base), as_version=4)
    # what one cell prints comes in as many pieces as happens
    NotebookClient(notebook, timeout=_WITHIN_S, kernel_name="python3", coalesce_streams=True).execute()
    made: dict[str, Any] = json.loads(nbformat.writes(notebook).replace(base, _USUAL))
    for cell in made["cells"]:
        cell["metadata"].pop("execution", None)  # when it was run
    made["metadata"] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["metadata"]
    return made


def outputs(notebook: dict[str, Any]) -> Iterator[str]:
    """What came back, cell by cell; a picture is told by its kind, for fonts differ."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            data = output.get("data", {"text/plain": output.get("text", "")})
            yield "image/png" if "image/png" in data else "".join(data["text/plain"])


if __name__ == "__main__":
    NOTEBOOK.write_text(json.dumps(executed(sys.argv[1]), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
