"""kzoo: vision architectures as Keras models that train, are measured and ship."""

from kzoo.version import __version__

__all__ = ["__version__"]
