"""The errors of the SDK that MiniStack looks for. Pure."""


class DockerException(Exception):  # noqa: N818 (the SDK's name)
    """Base of the SDK's errors."""


class APIError(DockerException):
    """The daemon said no."""


class NotFound(APIError):  # noqa: N818
    """There is no such container."""


class ImageNotFound(NotFound):
    """There is no such image."""
