"""This schema's own copies of the kit's tables: outbox, inbox and the answers to keyed writes."""

from service_kit.idempotency import IdempotencyColumns
from service_kit.inbox import InboxColumns
from service_kit.outbox import OutboxColumns

from invoice_service.tables.schema import Row


class Outbox(OutboxColumns, Row, table=True):
    __tablename__ = "outbox"


class Inbox(InboxColumns, Row, table=True):
    __tablename__ = "inbox"


class IdempotencyKey(IdempotencyColumns, Row, table=True):
    __tablename__ = "idempotency_keys"
