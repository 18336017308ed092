"""The base of all errors that a user can mend."""


class UserError(Exception):
    """An error whose message is one sentence that says what is wrong and what to do instead."""


class OptionError(UserError):
    """An option of the command line is not possible; the sentence names it and its value."""
