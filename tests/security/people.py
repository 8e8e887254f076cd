"""Users of the API for tests that try what should not work."""

from __future__ import annotations

from types import TracebackType
from typing import Any
from uuid import uuid4

import httpx

PASSWORD = "correct horse battery"


class Person:
    """A registered user with a connection of its own, who has agreed to everything."""

    def __init__(self, gateway: str) -> None:
        self.http = httpx.Client(base_url=gateway, trust_env=False, timeout=60)
        self.register()

    def register(self) -> None:
        """A fresh account, in the place of the one before."""
        self.email = f"{uuid4()}@mizzap.test"
        body = {
            "email": self.email,
            "password": PASSWORD,
            "privacyAccepted": True,
            "consents": {"ai": True, "marketing": False},
        }
        answer = self.http.post("/api/v1/auth/register", json=body)
        assert answer.status_code == 201, answer.text
        self.session: dict[str, Any] = answer.json()["data"]

    @property
    def user_id(self) -> int:
        return int(self.session["user"]["id"])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.session['accessToken']}"}

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {**self.headers, **more.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **more)

    def call(self, method: str, path: str, **more: Any) -> Any:
        """The answer's data. Raises AssertionError unless the call succeeds."""
        answer = self.ask(method, f"/api/v1{path}", **more)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json().get("data")

    def logged_in(self) -> bool:
        return self.ask("GET", "/api/v1/auth/me").status_code == 200

    def __enter__(self) -> Person:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.http.close()
