"""How a run looks: on a terminal, in a pipe, as JSON. Knows no capability. Pure."""
