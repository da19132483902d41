"""The program: `stripe-sandbox serve`."""

import argparse
import logging
import sys

import uvicorn

from stripe_sandbox.app import create_app
from stripe_sandbox.settings import IDLE_SECONDS, BadSettings, Settings, parse_account, parse_key

EXAMPLE = "stripe-sandbox serve --port 12111 --key sk_test_demo=acct_1Demo --account 'acct_1Demo=Nordlicht Studio'"


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="stripe-sandbox", description=f"Not Stripe: no money moves. Example: {EXAMPLE}")
    serve = root.add_subparsers(dest="command", required=True).add_parser("serve", help="run until stopped")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=12111)
    serve.add_argument("--public-url", help="what links begin with; default http://HOST:PORT")
    serve.add_argument("--database", metavar="FILE", help="keep the state in this SQLite file; default: memory")
    serve.add_argument(
        "--key", action="append", default=[], metavar="KEY=ACCOUNT", help="add :permission+… or :expired"
    )
    serve.add_argument("--account", action="append", default=[], metavar="ACCOUNT=NAME", help="add :COUNTRY:currency")
    serve.add_argument("--retry-after", default="1,5,30", metavar="SECONDS,…", help="waits between webhook tries")
    serve.add_argument(
        "--debit-after", type=float, default=3 * 86400.0, metavar="SECONDS", help="until a debit settles"
    )
    return root


def settings_from(arguments: argparse.Namespace) -> Settings:
    try:
        delays = tuple(float(text) for text in arguments.retry_after.split(",") if text)
    except ValueError as problem:
        raise BadSettings("write --retry-after as seconds with commas between, such as 1,5,30") from problem
    if not arguments.key:
        raise BadSettings(f"name at least one --key KEY=ACCOUNT, for example: {EXAMPLE}")
    return Settings(
        public_url=(arguments.public_url or f"http://{arguments.host}:{arguments.port}").rstrip("/"),
        keys=tuple(parse_key(text) for text in arguments.key),
        accounts=tuple(parse_account(text) for text in arguments.account),
        database=arguments.database,
        retry_delays_seconds=delays,
        debit_delay_seconds=arguments.debit_after,
    )


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        app = create_app(settings_from(arguments))
    except BadSettings as problem:
        print(f"stripe-sandbox: {problem}", file=sys.stderr)
        return 2
    uvicorn.run(
        app,
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=IDLE_SECONDS,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
