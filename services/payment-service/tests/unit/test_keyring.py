"""A keyring's file changes under a process that runs, is never seen half written, and never shows a key."""

import base64
import io
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from payment_service.build_setup import open_keyring
from payment_service.key_vault import MasterKeysMalformed, read_keyring_text, read_master_keys
from payment_service.keyring import FixedKeyring, KeyringFile, KeyringUnusable
from payment_service.keyring_edits import create_keyring, new_kid, put_first, take_out
from payment_service.settings import Settings
from service_kit.settings import MissingSetting

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def encoded(fill: int) -> str:
    return base64.b64encode(bytes([fill]) * 32).decode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "master.keys"
    made.write_text(f"# ours\n\nk2:{encoded(2)}\n  k1:{encoded(1)}  \n")
    made.chmod(0o600)
    return made


class Unaware(KeyringFile):
    """On a file system that does not show a change until the file is opened."""

    def _stamp_now(self) -> tuple[int, ...]:
        return self._stamp


def test_the_first_key_of_the_file_is_current_and_comments_say_nothing(path: Path) -> None:
    keys = KeyringFile(path, guarded=True).newest()

    assert keys.current == "k2"
    assert {kid: key[0] for kid, key in keys.keys.items()} == {"k2": 2, "k1": 1}


@pytest.mark.parametrize(
    "text",
    ["", "# only a word\n", "k1", "k1:", "k1:short", f"k1:{encoded(65)} # mine", f"k-1:{encoded(65)}",
     f"k1:{encoded(65)}\nk1:{encoded(66)}", f"k1:{encoded(65)},k2:{encoded(66)}", "k1:" + "ü" * 44],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_without_showing_a_key(path: Path, text: str) -> None:
    path.write_text(text)

    with pytest.raises(MasterKeysMalformed) as refusal:
        KeyringFile(path, guarded=True)

    assert "QUFB" not in str(refusal.value)
    assert "QkJC" not in str(refusal.value)


def test_a_key_put_first_is_current_for_a_keyring_that_was_read_before(path: Path) -> None:
    running = KeyringFile(path, guarded=True)

    kid = put_first(path, now=NOW)

    assert kid.startswith("k20261122_")
    assert running.master_keys().current == kid
    assert list(running.master_keys().keys) == [kid, "k2", "k1"]


def test_a_key_that_is_needed_and_not_known_is_looked_for_in_the_file(path: Path) -> None:
    running = Unaware(path, guarded=True)
    kid = put_first(path, now=NOW)

    without_need, with_need = running.master_keys(), running.master_keys(needing=kid)

    assert without_need.current == "k2"
    assert with_need.current == kid


def test_while_the_file_is_away_the_keys_read_before_open_and_nothing_is_wrapped(path: Path, log: io.StringIO) -> None:
    running = KeyringFile(path, guarded=True)
    path.unlink()

    still = running.master_keys(needing="k9")

    assert still.current == "k2"
    assert "the keyring cannot be read again" in log.getvalue()
    assert encoded(2) not in log.getvalue()
    with pytest.raises(KeyringUnusable, match="keys create"):
        running.newest()


@pytest.mark.parametrize(("mode", "refused"), [(0o604, True), (0o602, True), (0o640, False), (0o600, False)])
def test_production_refuses_a_file_that_everybody_may_read_or_write(path: Path, mode: int, refused: bool) -> None:
    path.chmod(mode)
    settings = Settings(environment="production", master_keys_file=str(path))  # type: ignore[arg-type]

    if refused:
        with pytest.raises(KeyringUnusable, match="chmod 600"):
            open_keyring(settings)
    else:
        assert open_keyring(settings).newest().current == "k2"


def test_a_demo_may_read_a_file_that_everybody_reads(path: Path) -> None:
    path.chmod(0o644)

    assert open_keyring(Settings(environment="demo", master_keys_file=str(path))).newest().current == "k2"  # type: ignore[arg-type]


def test_keys_come_from_the_environment_or_from_a_file_but_not_from_both(path: Path) -> None:
    both = Settings(master_keys=f"k1:{encoded(1)}", master_keys_file=str(path))

    with pytest.raises(MasterKeysMalformed, match=r"IC_MASTER_KEYS and IC_MASTER_KEYS_FILE .* keep one"):
        open_keyring(both)
    with pytest.raises(MissingSetting, match=r"IC_MASTER_KEYS .* IC_MASTER_KEYS_FILE"):
        open_keyring(Settings())
    assert open_keyring(Settings(master_keys=f"k1:{encoded(1)}")) == FixedKeyring(read_master_keys(f"k1:{encoded(1)}"))


def test_no_key_is_in_a_repr(path: Path) -> None:
    keyring, settings = KeyringFile(path, guarded=True), Settings(master_keys=f"k1:{encoded(2)}")

    shown = repr(keyring) + repr(keyring.newest()) + repr(open_keyring(settings)) + repr(settings)

    assert encoded(2) not in shown
    assert repr(bytes([2]) * 8)[2:-1] not in shown


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_an_edit_keeps_words_mode_and_other_keys_and_leaves_nothing_beside(path: Path, mode: int) -> None:
    path.chmod(mode)
    (path.parent / ".master.keys.killed").write_text(f"k3:{encoded(3)}\n")

    kid = put_first(path, now=NOW)
    take_out(path, kid="k2")

    assert list(read_keyring_text(path.read_text()).keys) == [kid, "k1"]
    assert path.read_text().startswith("# ours\n")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert [entry.name for entry in path.parent.iterdir()] == ["master.keys"]


def test_an_edit_takes_a_file_away_from_everybody(path: Path) -> None:
    path.chmod(0o644)

    put_first(path, now=NOW)

    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_an_edit_by_root_leaves_the_file_to_the_services_that_own_it(path: Path) -> None:
    os.chown(path, 10001, 10001)

    put_first(path, now=NOW)

    assert (path.stat().st_uid, path.stat().st_gid) == (10001, 10001)


def test_an_edit_follows_a_link_to_the_file(path: Path) -> None:
    link = path.parent / "link"
    link.symlink_to(path)

    kid = put_first(link, now=NOW)

    assert link.is_symlink()
    assert read_keyring_text(path.read_text()).current == kid


def test_the_last_key_cannot_be_taken_out(path: Path) -> None:
    take_out(path, kid="k2")

    with pytest.raises(MasterKeysMalformed):
        take_out(path, kid="k1")

    assert read_keyring_text(path.read_text()).current == "k1"


def test_a_reader_beside_a_hundred_edits_never_sees_half_a_file(path: Path) -> None:
    running, seen = KeyringFile(path, guarded=True), set()

    def edit() -> None:
        for _ in range(100):
            take_out(path, kid=put_first(path, now=NOW))

    with ThreadPoolExecutor(1) as pool:
        edits = pool.submit(edit)
        while not edits.done():
            seen.add(len(running.newest().keys))
    edits.result()

    assert seen <= {2, 3}
    assert running.newest().current == "k2"


def test_a_keyring_is_made_once_and_never_again(tmp_path: Path) -> None:
    path = tmp_path / "master.keys"

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: create_keyring(path, now=NOW), range(8)))

    assert sorted(made) == [False] * 7 + [True]
    assert len(read_keyring_text(path.read_text()).keys) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["master.keys"]


def test_keys_of_the_environment_go_into_a_new_file_in_their_order(tmp_path: Path) -> None:
    given = read_master_keys(f"k2:{encoded(2)},k1:{encoded(1)}")

    create_keyring(tmp_path / "master.keys", now=NOW, keys=given)

    assert read_keyring_text((tmp_path / "master.keys").read_text()) == given


def test_a_folder_that_is_not_there_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(KeyringUnusable, match=r"cannot be written \(FileNotFoundError\)"):
        create_keyring(tmp_path / "nowhere" / "master.keys", now=NOW)


def test_keys_made_at_the_same_moment_have_ids_of_their_own() -> None:
    assert len({new_kid(NOW) for _ in range(20)}) == 20
