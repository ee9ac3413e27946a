"""The version, kept alone so that the build can read it without importing PyTensor."""

__version__ = "0.1.0"
