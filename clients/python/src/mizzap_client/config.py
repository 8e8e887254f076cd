"""The session on this computer's disk: a file that only its owner can read."""

import os
from dataclasses import dataclass
from pathlib import Path

import typer
from pydantic import BaseModel, ValidationError

from mizzap_client.errors import NotLoggedIn
from mizzap_client.models import Session


class Login(BaseModel):
    """Where the user is logged in."""

    server: str
    session: Session


def config_file() -> Path:
    """MIZZAP_CONFIG, or a file in the user's own configuration folder."""
    return Path(os.environ.get("MIZZAP_CONFIG") or Path(typer.get_app_dir("mizzap")) / "session.json")


def lock_file() -> Path:
    """Is locked by whoever replaces the session, until it is kept."""
    path = config_file()
    _make_folder(path)
    return path.with_name(path.name + ".lock")


@dataclass(frozen=True)
class SharedLogin:
    """One login of all `mizzap` that run."""

    login: Login
    """As it was when this one began."""

    @property
    def lock(self) -> Path:
        return lock_file()

    def load(self) -> Session:
        """Raises NotLoggedIn, also when it is another user's now, who must not get what was meant for this one."""
        now = load_login()
        if (now.server, now.session.user.id) != (self.login.server, self.login.session.user.id):
            raise NotLoggedIn("Somebody else has logged in here since this began: start it again.")
        return now.session

    def save(self, session: Session) -> None:
        save_login(Login(server=self.login.server, session=session))


def load_login() -> Login:
    """Raises NotLoggedIn."""
    path = config_file()
    try:
        return Login.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise NotLoggedIn("You are not logged in: `mizzap login EMAIL`, or `mizzap register EMAIL`.") from None
    except ValidationError as error:
        raise NotLoggedIn(f"{path} can't be understood: log in again.") from error


def save_login(login: Login) -> None:
    """Replaces the file in one go: a run that is killed leaves the old one or the new one."""
    path = config_file()
    _make_folder(path)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(login.model_dump_json(by_alias=True))
        file.flush()
        os.fsync(descriptor)
    new.replace(path)


def _make_folder(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
