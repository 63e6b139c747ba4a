"""What ends a build of images, as one line."""


class ImageError(Exception):
    """An image could not be built; the text says why and what to do."""
