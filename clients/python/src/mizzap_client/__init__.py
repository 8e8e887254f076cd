"""Client library and command line for MIZZAP's public API."""

from mizzap_client import operations, schemas
from mizzap_client.api import AsyncClient, Client
from mizzap_client.errors import ApiError, ClientError, Unreachable

__all__ = ["ApiError", "AsyncClient", "Client", "ClientError", "Unreachable", "operations", "schemas"]
