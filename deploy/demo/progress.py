"""What a person sees while the demo works: one line for each step, with the time since the start."""

import sys
import time


class Progress:
    """Lines go to standard output as they happen, so that a pipe shows them too."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def step(self, text: str) -> None:
        self._line(f"{self.seconds:6.1f} s  {text}")

    def heading(self, text: str) -> None:
        self._line(f"\n{text}")

    def note(self, label: str, value: str) -> None:
        self._line(f"  {label:<18} {value}")

    def failure(self, text: str) -> None:
        sys.stdout.flush()
        sys.stderr.write(f"\nFAILED after {self.seconds:.1f} s: {text}\n")
        sys.stderr.flush()

    def _line(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
