"""How Sphinx makes the site of these pages: ``make docs``. The pages are plain Markdown and read well without it."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).resolve().parent
VERSION = (HERE.parent / "include" / "airloop" / "__init__.py").read_text(encoding="utf-8")

project = "Airloop"
author = "The Airloop authors"
project_copyright = "The Airloop authors, Apache-2.0"
release = version = re.findall(r'__version__ = "([^"]+)"', VERSION)[0]

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["README.md"]
nitpicky = True

# Headings get the anchors that GitHub gives them, and a link to one that is not there is a warning.
myst_heading_anchors = 4
myst_links_external_new_tab = False
suppress_warnings: list[str] = []

html_theme = "furo"
html_title = f"Airloop {release}"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
# Code on the pages is shell, YAML and what commands print; what cannot be lexed is shown as it is.
highlight_language = "text"

WHOLE = {"contribute": "CONTRIBUTING.md", "changelog": "CHANGELOG.md"}
"""Pages that are a file of the checkout; in docs/ they only say so, for those who read on GitHub."""


def read_source(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the file of the checkout in the place of its page, and lead links to it there."""
    if page in WHOLE:
        source[0] = (HERE.parent / WHOLE[page]).read_text(encoding="utf-8").replace("](docs/", "](")
    for name, file in WHOLE.items():
        up = "../" * page.count("/")
        source[0] = re.sub(rf"\]\((?:\.\./)*{re.escape(file)}", f"]({up}{name}.md", source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx what is done here."""
    app.connect("source-read", read_source)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
