"""The four embedded servers, each with the settings that the services rely on."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from mizzap_devstack.errors import StackError
from mizzap_devstack.files import Passwords
from mizzap_devstack.ports import Ports
from mizzap_devstack.program import spawn, stop
from mizzap_devstack.servers import NatsServer, PostgresServer, postgres
from mizzap_devstack.testing import TestServers


@pytest.fixture
def libpq_url(make_database: Callable[[str], str]) -> str:
    return make_database("devstack").replace("postgresql+psycopg://", "postgresql://")


def test_nats_syncs_every_message(servers: TestServers, nats_url: str) -> None:
    assert nats_url.startswith("nats://127.0.0.1:")
    monitoring = servers._nats._monitoring_port
    config = httpx.get(f"http://127.0.0.1:{monitoring}/jsz?config=true").json()["config"]
    assert config["sync_always"] is True
    assert config["max_storage"] == 16 * 1024**3


def test_the_bucket_is_there_and_each_object_is_flushed(servers: TestServers) -> None:
    settings = servers.s3
    client = settings.client()
    client.put_object(settings.bucket, "a/b", io.BytesIO(b"photo"), 5)
    assert client.get_object(settings.bucket, "a/b").read() == b"photo"
    client.remove_object(settings.bucket, "a/b")
    assert servers._s3._flushes()


def test_a_stranger_gets_nothing_from_the_store(servers: TestServers) -> None:
    assert httpx.get(f"http://{servers.s3.endpoint}/{servers.s3.bucket}").status_code == 403


def test_a_role_owns_its_database_and_enters_no_other(
    libpq_url: str, make_database: Callable[[str], str], servers: TestServers
) -> None:
    with psycopg.connect(libpq_url) as own:
        own.execute("CREATE TABLE photo (id bigint)")
        row = own.execute("SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user")
        assert row.fetchone() == (False, False, False)
    other = make_database("other").rsplit("/", 1)[1]
    for database in (other, "postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(libpq_url.rsplit("/", 1)[0] + f"/{database}")


def test_postgres_listens_on_the_loopback_address_alone(servers: TestServers) -> None:
    with psycopg.connect(servers.admin_database_url) as connection:
        row = connection.execute(
            "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories'),"
            " current_setting('synchronous_commit'), getdatabaseencoding()"
        ).fetchone()
    assert row == ("127.0.0.1", "", "on", "UTF8")


def test_committed_rows_survive_kill_9_on_the_same_port(servers: TestServers, libpq_url: str) -> None:
    with psycopg.connect(libpq_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
    servers.kill("postgres")
    servers.restart("postgres")
    with psycopg.connect(libpq_url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (1,)


@pytest.fixture
def reachable_folder() -> Iterator[Path]:
    """A folder that any user can get to, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="mizzap-") as name:
        os.chmod(name, 0o711)
        yield Path(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs PostgreSQL as what it is")
def test_root_runs_postgres_as_another_user_where_namespaces_are_refused(
    reachable_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_namespaces_work", lambda: False)
    postgres.unprivileged.cache_clear()
    monkeypatch.setattr(postgres, "unprivileged", postgres.unprivileged.__wrapped__)
    data = reachable_folder / "data"
    data.mkdir(mode=0o700)
    ports, passwords = Ports(data, {}), Passwords(data)
    server = PostgresServer(data, ports, passwords, databases=["photos"], durable=False)
    server.prepare()
    with (data / "log").open("wb") as log:
        process = spawn(server.program(), log)
    try:
        while not server.is_ready():
            assert process.poll() is None, (data / "log").read_text()
        server.provision()
        assert Path(f"/proc/{process.pid}").stat().st_uid == postgres.UNPRIVILEGED
        with psycopg.connect(server.database_url("photos").replace("+psycopg", "")) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("photos",)
    finally:
        stop(process, server.program())


def test_without_its_programs_postgres_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    with pytest.raises(StackError, match=r"initdb is not in .*: set PG_BIN"):
        PostgresServer(tmp_path, Ports(tmp_path, {}), Passwords(tmp_path)).prepare()


def test_ports_are_remembered_and_may_be_asked_for(tmp_path: Path) -> None:
    ports = Ports(tmp_path, {"MIZZAP_NATS_PORT": "23456"})
    assert NatsServer(tmp_path, ports).address == "127.0.0.1:23456"
    assert Ports(tmp_path, {}).get("s3") == Ports(tmp_path, {}).get("s3")


def test_a_port_asked_for_and_in_use_is_named(servers: TestServers, nats_url: str, tmp_path: Path) -> None:
    taken = nats_url.rsplit(":", 1)[1]
    with pytest.raises(StackError, match=f"^Port {taken}, asked for nats, is in use"):
        NatsServer(tmp_path, Ports(tmp_path, {"MIZZAP_NATS_PORT": taken}))


def test_passwords_are_kept_and_private(tmp_path: Path) -> None:
    first = Passwords(tmp_path).get("postgres")
    assert Passwords(tmp_path).get("postgres") == first != Passwords(tmp_path).get("photos")
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
