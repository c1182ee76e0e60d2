"""The settings of Sphinx: `make docs`."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from generate import generate  # noqa: E402

from linksim import __version__  # noqa: E402

generate(HERE / "generated")

project, author, copyright = "linksim", "The linksim authors", "The linksim authors"
version = release = __version__
extensions = ["myst_nb", "sphinx_design"]
exclude_patterns = ["examples", "**/.ipynb_checkpoints"]
# The notebooks ship with their outputs; the tests run them and compare.
nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
html_theme = "pydata_sphinx_theme"
html_title = "linksim"
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "header_links_before_dropdown": 7,
    "secondary_sidebar_items": ["page-toc"],
}
html_show_sourcelink = False
# The notebooks were written for a kernel of any name.
suppress_warnings = ["mystnb.unknown_mime_type"]
