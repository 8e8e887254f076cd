"""E-mail addresses: which are some, and when two are the same."""

from email_validator import EmailNotValidError, validate_email
from mizzap_common.errors import InvalidInput


def valid(email: str) -> str:
    """The address as its user writes it. Raises InvalidInput."""
    try:
        # no look into the DNS, and test domains are as good as others
        return validate_email(email, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise InvalidInput(f"email: {error}", field="email") from error


def normalised(email: str) -> str:
    """What makes two addresses the same. One that is none is as good as an unknown one."""
    try:
        return valid(email).casefold()
    except InvalidInput:
        return email
