"""E-mail addresses: what is one, and which spellings are the same one."""

from email_validator import EmailNotValidError, validate_email

from mizzap_common.errors import InvalidInput

LONGEST = 255
"""As in `contracts/accounts.py`."""


def valid(email: str) -> str:
    """The address in one Unicode form. Raises InvalidInput."""
    try:
        # no look into the DNS, and test domains are as good as others
        return validate_email(email, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise InvalidInput(f"email: {error}", field="email") from error


def normalised(email: str) -> str:
    """What makes two spellings the same account, and the same target of guesses. What is no address has a form too."""
    stripped = email.strip()
    try:
        # a body's megabytes are not worth a look
        return (valid(stripped) if len(stripped) <= LONGEST else stripped).casefold()
    except InvalidInput:
        return stripped.casefold()
