"""How Sphinx makes the site at /help of the pages of this folder's parent; nothing of the project is imported."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "epntap"
author = "the epntap contributors"
project_copyright = author
version = release = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "version"
]

extensions = ["myst_parser", "notebooks", "finished"]
myst_heading_anchors = 4
exclude_patterns = ["_site"]
templates_path = ["templates"]

html_theme = "furo"
html_title = "Help"
html_static_path = ["static"]
html_css_files = ["help.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_last_updated_fmt = None
html_sidebars = {
    "**": [
        "sidebar/service.html",
        "sidebar/brand.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
