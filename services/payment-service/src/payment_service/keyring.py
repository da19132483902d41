"""Where master keys come from: the environment, read once at the start, or a file that changes while processes run.

A file is read again when it was replaced and when a key is needed that it did not hold, so no process is started again
after a rotation, and nothing depends on who hears of it first.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from service_kit.log_setup import get_logger

from payment_service.key_vault import MasterKeys, MasterKeysMalformed, read_keyring_text

_BYTES_MAX = 64 * 1024
_Stamp = tuple[int, ...]


class KeyringUnusable(MasterKeysMalformed):
    """The keyring's file is missing, cannot be read, or may be read by everybody."""


class Keyring(Protocol):
    """The operator's master keys as they are now."""

    def master_keys(self, *, needing: str = "") -> MasterKeys:
        """For opening. ``needing`` is the id of a key that is wanted; it may still be missing from the answer."""
        ...

    def newest(self) -> MasterKeys:
        """For wrapping: what the source holds at this moment. Raises `MasterKeysMalformed`."""
        ...


@dataclass(frozen=True)
class FixedKeyring:
    """Keys that stay as they are until the process ends."""

    keys: MasterKeys

    def master_keys(self, *, needing: str = "") -> MasterKeys:
        return self.keys

    def newest(self) -> MasterKeys:
        return self.keys


class KeyringFile:
    """Keys in a file, one ``kid:base64`` a line, the first current; see `payment_service.key_vault.read_keyring_text`.

    ``guarded`` refuses a file that everybody on the machine may read. Making one raises `MasterKeysMalformed`.
    """

    def __init__(self, path: Path, *, guarded: bool) -> None:
        self.path = path
        self._guarded = guarded
        self._keys, self._stamp = self._read()

    def __repr__(self) -> str:
        return f"KeyringFile({str(self.path)!r})"

    def master_keys(self, *, needing: str = "") -> MasterKeys:
        """While the file cannot be read, the keys read before serve on and the trouble is logged."""
        if self._stamp != self._stamp_now() or (needing and needing not in self._keys.keys):
            try:
                return self.newest()
            except MasterKeysMalformed as problem:
                get_logger().error("the keyring cannot be read again", problem=str(problem))
        return self._keys

    def newest(self) -> MasterKeys:
        self._keys, self._stamp = self._read()
        return self._keys

    def _read(self) -> tuple[MasterKeys, _Stamp]:
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                text = file.read(_BYTES_MAX).decode()
        except FileNotFoundError:
            raise KeyringUnusable(
                f"the keyring {self.path} is not there; make it with: python -m payment_service.cli keys create"
            ) from None
        except (OSError, UnicodeDecodeError) as problem:
            raise KeyringUnusable(f"the keyring {self.path} cannot be read ({type(problem).__name__})") from None
        if self._guarded and status.st_mode & stat.S_IRWXO:
            raise KeyringUnusable(f"everybody may read the keyring {self.path}; take that away with: chmod 600")
        return read_keyring_text(text), _stamp(status)

    def _stamp_now(self) -> _Stamp | None:
        try:
            return _stamp(self.path.stat())
        except OSError:
            return None


def _stamp(status: os.stat_result) -> _Stamp:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
