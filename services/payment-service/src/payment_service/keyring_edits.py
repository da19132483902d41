"""Changes to a keyring's file, each all or nothing: whoever reads it sees the keys from before or those from after.

A new file is written beside the old one, forced to disk and moved over it, with the owner and mode of the old one.
Callers hold the lock of `payment_service.queries.data_keys.hold_key_commands`, so that no two edits meet.
"""

import os
import secrets
import stat
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from service_kit import crash_points

from payment_service.key_vault import MasterKeys, key_line, new_master_key, read_keyring_text
from payment_service.keyring import KeyringUnusable

_HEADER = "# Master keys, one kid:base64 a line; the first wraps, the others only open. Back this file up apart.\n"
_OWN_MODE = 0o600


def create_keyring(path: Path, *, now: datetime, keys: MasterKeys | None = None) -> bool:
    """Make the file with one new key, or with ``keys``; False when there is one already, which is left as it is.

    Raises `KeyringUnusable`. Safe beside another run: one of them makes it.
    """
    if path.exists():
        return False
    held = keys.keys if keys else {new_kid(now): new_master_key()}
    text = _HEADER + "".join(f"{key_line(kid, key)}\n" for kid, key in held.items())

    def place(temporary: Path) -> None:
        os.link(temporary, path)
        temporary.unlink()

    try:
        _write_beside(path, text, place=place, before=None)
    except FileExistsError:
        return False
    return True


def put_first(path: Path, *, now: datetime) -> str:
    """Make a key and put it before all others; the answer is its id. Raises `KeyringUnusable`."""
    kid = new_kid(now)
    lines = _lines(path)
    at = next((index for index, line in enumerate(lines) if _kid_of(line)), len(lines))
    _replace(path, [*lines[:at], f"{key_line(kid, new_master_key())}\n", *lines[at:]])
    return kid


def take_out(path: Path, *, kid: str) -> None:
    """Remove one key for good. Raises `KeyringUnusable`."""
    _replace(path, [line for line in _lines(path) if _kid_of(line) != kid])


def new_kid(now: datetime) -> str:
    """Never used before: an old backup may hold data keys under an id, and must not meet another key there."""
    return f"k{now:%Y%m%d}_{secrets.token_hex(4)}"


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as problem:
        raise KeyringUnusable(f"the keyring {path} cannot be read ({type(problem).__name__})") from None
    return [f"{line}\n" for line in text.splitlines()]


def _kid_of(line: str) -> str:
    """Empty for a line that holds no key."""
    text = line.strip()
    return "" if text.startswith("#") else text.partition(":")[0]


def _replace(path: Path, lines: list[str]) -> None:
    text = "".join(lines)
    read_keyring_text(text)
    # A link is followed, because replacing it would leave the file behind it as it was.
    target = path.resolve()
    for left_behind in target.parent.glob(f".{target.name}.*"):
        left_behind.unlink(missing_ok=True)

    def place(temporary: Path) -> None:
        crash_points.reached("payment.before_keyring_replace")
        temporary.replace(target)
        crash_points.reached("payment.after_keyring_replace")

    _write_beside(target, text, place=place, before=target.stat())


def _write_beside(path: Path, text: str, *, place: Callable[[Path], None], before: os.stat_result | None) -> None:
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        with os.fdopen(handle, "w") as file:
            _own_like(file.fileno(), before)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        place(temporary)
        _force_folder(path.parent)
    except FileExistsError:
        raise
    except OSError as problem:
        raise KeyringUnusable(f"the keyring {path} cannot be written ({type(problem).__name__})") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _own_like(handle: int, before: os.stat_result | None) -> None:
    """A file that the services could not read any more would stop them, so its owner and readers stay."""
    if before is None:
        os.fchmod(handle, _OWN_MODE)
        return
    made = os.fstat(handle)
    if (made.st_uid, made.st_gid) != (before.st_uid, before.st_gid):
        os.fchown(handle, before.st_uid, before.st_gid)
    os.fchmod(handle, stat.S_IMODE(before.st_mode) & ~stat.S_IRWXO)


def _force_folder(folder: Path) -> None:
    """A rename is on disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
