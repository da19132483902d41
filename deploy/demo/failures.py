"""The two ways a demo can end badly; both carry one line that says what to do or what was seen."""


class CannotRun(RuntimeError):
    """Something this machine would need is missing or did not start."""


class NotAsItShouldBe(RuntimeError):
    """The product ran, and what was seen from outside is wrong."""
