"""The version, which the package's own files name in what they write."""

__version__ = "0.1.0"
