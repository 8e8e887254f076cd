"""A small, varied library to try MIZZAP with: `make_samples(folder)`."""

from mizzap_client.samples.collection import make_samples

__all__ = ["make_samples"]
