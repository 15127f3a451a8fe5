"""The documentation: MyST pages, and the API from the docstrings."""

import re
from typing import Any

import lookalike

project = "Lookalike"
author = "The Lookalike authors"
copyright = author
release = version = lookalike.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

default_role = "code"  # the docstrings' `name`
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 90

html_theme = "furo"
html_title = f"Lookalike {release}"
html_show_copyright = False


def close_names(
    _app: Any, _what: str, _name: str, _obj: Any, _options: Any, lines: list[str]
) -> None:
    """Docstrings write `name`s; reStructuredText wants `name`\\ s."""
    lines[:] = [re.sub(r"(`[^`]+`)(\w?)", closed, line) for line in lines]


def closed(name: re.Match[str]) -> str:
    return f"{name[1]}\\ {name[2]}" if name[2] else name[1]


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", close_names)
