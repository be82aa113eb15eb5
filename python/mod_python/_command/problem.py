"""What ends the command with a sentence."""


class Problem(Exception):  # noqa: N818 - it is no error of the program
    """One sentence for whoever typed the command: what is wrong, and what to do."""
