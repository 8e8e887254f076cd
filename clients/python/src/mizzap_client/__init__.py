"""Client library and command line for MIZZAP's public API."""

from mizzap_client.api import Client
from mizzap_client.errors import ApiError, ClientError, Unreachable

__all__ = ["ApiError", "Client", "ClientError", "Unreachable"]
