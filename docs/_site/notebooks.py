"""Notebooks as pages: the outputs that they hold are shown, nothing is run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.application import Sphinx

__all__ = ["as_markdown", "setup"]


def as_markdown(notebook: str) -> str:
    """The cells of a notebook, code and outputs as blocks."""
    return "\n\n".join(part for cell in json.loads(notebook)["cells"] for part in _parts(cell))


def _parts(cell: dict[str, Any]) -> Iterator[str]:  # JSON
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
        return
    yield _block("python", source)
    for output in cell["outputs"]:
        data = output.get("data", {"text/plain": output.get("text", "")})
        if "image/png" in data:
            yield f"![{_alternative(output)}](data:image/png;base64,{''.join(data['image/png']).replace(chr(10), '')})"
        elif text := "".join(data["text/plain"]).rstrip():
            yield _block("text", text)


def _alternative(output: dict[str, Any]) -> str:  # JSON
    return "".join(output["data"].get("text/plain", "")) or "a picture"


def _block(language: str, text: str) -> str:
    return f"`````{language}\n{text}\n`````"


class NotebookParser(MystParser):
    """Reads .ipynb as the Markdown that is in it."""

    supported = ("ipynb",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        """Fill the document."""
        super().parse(as_markdown(inputstring), document)


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the parser known."""
    app.add_source_suffix(".ipynb", "ipynb")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
