"""Send one mail: look, write it, reserve it as *sending*, hand it to the mail server, record what is certain.

*Sending* is committed before the first byte leaves. If the process ends in between, the next one finds that state and
knows that nobody knows: the outcome is unknown, and only the one automatic resend follows.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from service_kit import crash_points
from service_kit.database import app_now
from service_kit.handlers import OutsideWork, RetryLater
from service_kit.log_setup import get_logger
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service import queries
from notification_service.account_secrets_gateway import AccountMailMoot
from notification_service.actions.delivery_rows import announce, as_delivery, write_changes
from notification_service.actions.look_at_mail import (
    NothingDue,
    NotOurs,
    Ready,
    StandDown,
    Tried,
    locked_mail,
    look_at_mail,
    seconds_until_next,
)
from notification_service.actions.mail_news import Change
from notification_service.actions.settle_mail import drop_mail, settle_mail
from notification_service.actions.write_mail import PostOffice, write_mail
from notification_service.domain.delivery import DeliveryState, RetryPolicy, record, start
from notification_service.domain.smtp_replies import Outcome, Verdict
from notification_service.mail_gateway import OutgoingMail
from notification_service.mail_rendering.written_mail import smtp_addresses

_INTERRUPTED = Verdict(Outcome.UNCERTAIN, "the sending process ended before the mail server's answer was recorded")

_MOOT = "not sent: what it was for was used, withdrawn or overtaken"


async def send_mail(work: OutsideWork, *, office: PostOffice) -> None:
    """Raises `RetryLater` while what the mail needs cannot be had, `Park` for what this release cannot write."""
    mail_id = UUID(str(work.delivery.payload["mail_id"]))
    async with work.transaction() as session:
        finding = await look_at_mail(session, row=work.delivery, mail_id=mail_id)
    match finding:
        case Ready():
            await _try(work, finding, mail_id=mail_id, office=office)
        case Tried():
            sending = [found.recipient for found in finding.deliveries if found.state is DeliveryState.SENDING]
            answers = dict.fromkeys(sending, _INTERRUPTED)
            await _record(work, finding, answers, mail_id=mail_id, policy=office.policy)
        case StandDown():
            async with work.completion() as session:
                await _stand_down(session, work, mail_id=mail_id)
        case NothingDue(again_in_seconds):
            await _leave_alone(work, again_in_seconds=again_in_seconds)
        case NotOurs():
            await _leave_alone(work, again_in_seconds=None)


async def _try(work: OutsideWork, ready: Ready, *, mail_id: UUID, office: PostOffice) -> None:
    addresses = smtp_addresses(ready.recipients)
    try:
        letter = await write_mail(ready, office=office)
    except AccountMailMoot:
        await _drop(work, ready, mail_id=mail_id, reason=_MOOT)
        return
    crash_points.reached("mail.before_reserve")
    async with work.transaction() as session:
        tried = await _reserve(session, work, ready, mail_id=mail_id)
    crash_points.reached("mail.after_reserve")
    began = asyncio.get_running_loop().time()
    recipients = tuple(dict.fromkeys(addresses.values()))
    outgoing = OutgoingMail(sender=office.mail_from, recipients=recipients, content=letter.content)
    verdicts = await office.door.send(outgoing)
    took = timedelta(seconds=asyncio.get_running_loop().time() - began)
    crash_points.reached("mail.before_record")
    answers = {recipient: letter.kept(verdicts[address]) for recipient, address in addresses.items()}
    await _record(work, replace(tried, now=tried.now + took), answers, mail_id=mail_id, policy=office.policy)
    crash_points.reached("mail.after_record")


async def _reserve(session: AsyncSession, work: OutsideWork, ready: Ready, *, mail_id: UUID) -> Tried:
    """Commit that it is being sent, if everything is still as it was when the mail was written."""
    if await look_at_mail(session, row=work.delivery, mail_id=mail_id) != ready:
        raise RetryLater("the facts changed while the mail was being written", after_seconds=0)
    _, mail = await locked_mail(session, organization_id=ready.organization_id, mail_id=mail_id)
    rows = await queries.deliveries_of(session, organization_id=ready.organization_id, mail_id=mail_id)
    now = await app_now(session)
    started = [start(as_delivery(row)) for row in rows if row.recipient in ready.recipients]
    write_changes(mail, rows, started, now=now)
    mail.tries += 1
    mail.first_tried_at = mail.first_tried_at or now
    mail.payment_url = ready.link.url if ready.link is not None else ""
    return Tried(deliveries=tuple(map(as_delivery, rows)), first_tried_at=mail.first_tried_at, now=now)


async def _record(
    work: OutsideWork, tried: Tried, answers: Mapping[str, Verdict], *, mail_id: UUID, policy: RetryPolicy
) -> None:
    changes = [
        Change(before, record(before, answer, now=tried.now, first_tried_at=tried.first_tried_at, policy=policy))
        for before in tried.deliveries
        if (answer := answers.get(before.recipient)) is not None
    ]
    after = [change.after for change in changes]
    rest = [delivery for delivery in tried.deliveries if delivery.recipient not in answers]
    again = seconds_until_next((*after, *rest), now=tried.now)
    async with work.completion(again_in_seconds=again) as session:
        organization_id = work.delivery.organization_id
        _, mail = await locked_mail(session, organization_id=organization_id, mail_id=mail_id)
        rows = await queries.deliveries_of(session, organization_id=mail.organization_id, mail_id=mail_id)
        write_changes(mail, rows, after, now=tried.now)
        await announce(session, mail, changes, now=tried.now)
        outcomes = {change.after.recipient: change.after.state.value for change in changes}
        get_logger().info("mail_tried", mail_id=str(mail_id), state=mail.state.value, outcomes=list(outcomes.values()))


async def _drop(work: OutsideWork, ready: Ready, *, mail_id: UUID, reason: str) -> None:
    async with work.completion() as session:
        if await look_at_mail(session, row=work.delivery, mail_id=mail_id) != ready:
            raise RetryLater("the facts changed while the mail was being written", after_seconds=0)
        _, mail = await locked_mail(session, organization_id=ready.organization_id, mail_id=mail_id)
        await drop_mail(session, mail, reason=reason, now=await app_now(session))


async def _stand_down(session: AsyncSession, work: OutsideWork, *, mail_id: UUID) -> None:
    facts, mail = await locked_mail(session, organization_id=work.delivery.organization_id, mail_id=mail_id)
    await settle_mail(session, mail, facts, now=await app_now(session))


async def _leave_alone(work: OutsideWork, *, again_in_seconds: float | None) -> None:
    async with work.completion(again_in_seconds=again_in_seconds):
        get_logger().info("mail_left_alone", again_in_seconds=again_in_seconds)
