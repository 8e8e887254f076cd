"""Query strings hold tokens, tickets and what people search for: neither a log nor a trace gets to see them."""

from starlette.types import ASGIApp, Receive, Scope, Send

_HIDDEN = "mizzap.query_string"


def hide(scope: Scope) -> None:
    """Takes the query string out of the server's own scope, which it logs and which the tracer reads."""
    if scope.get("query_string"):
        scope[_HIDDEN], scope["query_string"] = scope["query_string"], b""


class ShownQuery:
    """Gives it back to the application, inside of all that logs and traces."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _HIDDEN in scope:
            # a copy: the server still has the other one
            scope = {**scope, "query_string": scope[_HIDDEN]}
        await self._app(scope, receive, send)
