"""Starts AWS's runtime interface client as the managed runtime does. Talks to the Runtime API.

The code comes first on the path, then the layers, then what the runtime brings (this file's folder).
"""

import os
import sys

import awslambdaric.__main__ as client

if __name__ == "__main__":
    version = "python{}.{}".format(*sys.version_info[:2])
    code = os.environ["LAMBDA_TASK_ROOT"]
    sys.path[:0] = [code, f"/opt/python/lib/{version}/site-packages", "/opt/python"]
    client.main([code, os.environ["_HANDLER"]])
