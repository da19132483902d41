"""What the commands share: how one is added, what it may be given, and the database that it works in."""

import argparse
from collections.abc import Awaitable, Callable
from typing import Any

from service_kit.database import Database, create_database
from service_kit.errors import DomainError

from invoice_service import people_commands
from invoice_service.actions.api_keys.roll_api_key import OVERLAP_SECONDS_MAX
from invoice_service.actions.people.account_desk import AccountDesk
from invoice_service.domain.recipients import check_recipients
from invoice_service.settings import Settings

REASON_MIN, REASON_MAX = 5, 200

Answer = dict[str, Any]
Command = Callable[[Settings, argparse.Namespace], Awaitable[Answer]]


def add_command(commands: Any, name: str, run: Command, text: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text)
    command.set_defaults(run=run)
    return command


def add_group(commands: Any, name: str, text: str) -> Any:
    return commands.add_parser(name, help=text).add_subparsers(required=True, metavar="command")


def add_reason(command: argparse.ArgumentParser) -> None:
    command.add_argument("--reason", required=True, type=reason, help="why; it is kept in the audit log")


async def with_database(
    settings: Settings, work: Callable[[Database], Awaitable[Answer]], *, role: str = "database_url"
) -> Answer:
    database = create_database(url=settings.required(role), application_name="invoice-service-cli", pool_size=1)
    try:
        return await work(database)
    finally:
        await database.dispose()


def desk_of(settings: Settings, database: Database) -> AccountDesk:
    secret = settings.required("account_secret")
    return people_commands.desk_by_hand(database, account_secret=secret, public_url=settings.served_at())


def name(text: str) -> str:
    plain = text.strip()
    if not 1 <= len(plain) <= 200 or not plain.isprintable():
        raise argparse.ArgumentTypeError("give a name of 1 to 200 printable characters")
    return plain


def email(text: str) -> str:
    try:
        return check_recipients(to=(text,), cc=()).to[0]
    except DomainError as problem:
        raise argparse.ArgumentTypeError(problem.detail) from problem


def days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 3650:
        raise argparse.ArgumentTypeError("give 1 to 3650 days")
    return int(text)


def overlap(text: str) -> int:
    if not text.isdecimal() or int(text) > OVERLAP_SECONDS_MAX:
        raise argparse.ArgumentTypeError(f"give 0 to {OVERLAP_SECONDS_MAX} seconds")
    return int(text)


def limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError("give 1 to 1000")
    return int(text)


def reason(text: str) -> str:
    plain = text.strip()
    if not REASON_MIN <= len(plain) <= REASON_MAX or not plain.isprintable():
        raise argparse.ArgumentTypeError(f"say why in {REASON_MIN} to {REASON_MAX} printable characters")
    return plain
