"""How `scripts/site` makes a site of these pages. Pure."""

project = "plldb"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "plldb"
# On GitHub every heading has an anchor; the pages have headings down to the fourth level.
myst_heading_anchors = 4
exclude_patterns = ["examples"]
html_copy_source = False
