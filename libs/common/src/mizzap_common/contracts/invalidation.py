"""What a service says when answers about a user's things are not what they were: a hint, over plain NATS.

Said behind each commit and before the answer to whoever asked for it, over the same connection, so that it reaches the
gateways first. It holds a user's id and nothing else.
"""

SOURCES = ("photos", "albums", "thumbs")
"""Services whose answers the gateways remember."""
HEARD_BY = "gateway"


def subject(service: str, user_id: int) -> str:
    return f"changed.{service}.{user_id}"


def subjects(service: str = "*") -> str:
    """All that one service says, or all that any does."""
    return f"changed.{service}.*"


def read(said: str) -> tuple[str, int]:
    """(service, user id) of a subject."""
    _, service, user_id = said.split(".")
    return service, int(user_id)
