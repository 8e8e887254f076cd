"""The one error the user of the stack sees."""


class StackError(Exception):
    """Something the user can put right; its text is one clear sentence saying what and how."""
