"""The four embedded servers, one module each, all with the same shape."""

from mizzap_devstack.servers.base import Server
from mizzap_devstack.servers.nats import NatsServer
from mizzap_devstack.servers.postgres import PostgresServer
from mizzap_devstack.servers.qdrant import QdrantServer
from mizzap_devstack.servers.s3 import S3Server

__all__ = ["NatsServer", "PostgresServer", "QdrantServer", "S3Server", "Server"]
