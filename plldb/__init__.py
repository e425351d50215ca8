"""plldb, the Python Lambda Local DeBugger. Pure.

The public names of the project are those in ``plldb.__all__``, ``plldb.bootstrap.__all__`` and
``plldb.errors.__all__``; everything else may change without notice.
"""

__all__ = ["__version__"]

__version__ = "0.2.0"
"""Version of the installed package; artifacts in S3 are kept apart by it."""
