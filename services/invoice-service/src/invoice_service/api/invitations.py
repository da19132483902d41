"""Invitations into the organisation: list, invite, send again, take back."""

from datetime import datetime
from typing import Annotated, Literal

from contracts.ids import InvitationId, MailId
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from service_kit.database import app_now
from service_kit.idempotency import Answer
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.people.invite_member import invite_member, resend_invitation
from invoice_service.actions.people.revoke_invitation import revoke_invitation
from invoice_service.api.authentication import Caller, needs
from invoice_service.api.request_fields import EmailAddress, Language, Request
from invoice_service.api.writes import Write, answer_of, writing
from invoice_service.dependencies import Dependencies, Parts
from invoice_service.domain.permissions import Permission, Role, check_may_make
from invoice_service.queries.invitations import open_invitations
from invoice_service.queries.members import name_of_member
from invoice_service.tables.people import Invitation

router = APIRouter(prefix="/v1/invitations", tags=["people"])

Reading = Annotated[Caller, needs(Permission.MEMBERS_READ)]
Writing = Annotated[Write, writing(Permission.MEMBERS_WRITE)]


class NewInvitation(Request):
    """`language` is that of the mail; without it the organisation's."""

    email: Annotated[EmailAddress, Field(min_length=3)]
    role: Role
    language: Language = ""


class InvitationView(BaseModel):
    """`mail_outcome` and `mail_reason` are what became of its newest mail. It is open until `expires_at`."""

    object: Literal["invitation"] = "invitation"
    id: InvitationId
    email: str
    role: Role
    language: str
    invited_by: str
    inviter_name: str
    created_at: datetime
    expires_at: datetime
    mail_id: MailId
    mail_outcome: Literal["queued", "sent", "failed", "unknown", "dropped"]
    mail_reason: str


class InvitationList(BaseModel):
    object: Literal["list"] = "list"
    data: list[InvitationView]
    has_more: Literal[False] = False
    next_cursor: None = None


@router.get("", name="list_invitations", summary="List open invitations, the newest first")
async def list_open(caller: Reading, parts: Parts) -> InvitationList:
    """Neither accepted nor taken back; one that has expired stays until it is sent again or taken back."""
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        rows = await open_invitations(session, organization_id=caller.organization_id)
    return InvitationList(data=[_view(row) for row in rows])


@router.post(
    "", name="create_invitation", summary="Invite somebody by mail", status_code=201, response_model=InvitationView
)
async def invite(body: NewInvitation, write: Writing) -> Response:
    """The answer is the same whether or not the address has an account. The link in the mail is good for seven days."""
    organization_id = write.caller.organization_id
    check_may_make(body.role, own=write.caller.permissions)

    async def work(session: AsyncSession) -> Answer:
        invitation = await invite_member(
            session,
            organization_id=organization_id,
            email=body.email,
            role=body.role,
            language=body.language,
            inviter=write.caller.who,
            inviter_name=await name_of_member(session, organization_id=organization_id, actor=write.caller.who.id),
            sign_in_url=_sign_in_url(write.parts),
            now=await app_now(session),
        )
        write.noted.update(email=invitation.email, role=invitation.role.value)
        return answer_of(_view(invitation), status=201)

    return await write.once(work)


@router.post(
    "/{invitation_id}/resend", name="resend_invitation", summary="Send it again", response_model=InvitationView
)
async def resend(invitation_id: InvitationId, write: Writing) -> Response:
    """A new mail with a new link for seven more days; links in earlier mails open nothing any more."""

    async def work(session: AsyncSession) -> Answer:
        invitation = await resend_invitation(
            session,
            organization_id=write.caller.organization_id,
            invitation_id=invitation_id,
            sign_in_url=_sign_in_url(write.parts),
            now=await app_now(session),
        )
        write.noted.update(email=invitation.email)
        return answer_of(_view(invitation))

    return await write.once(work)


@router.delete("/{invitation_id}", name="revoke_invitation", summary="Take an invitation back", status_code=204)
async def revoke(invitation_id: InvitationId, write: Writing) -> Response:
    """Its links open nothing from now on."""

    async def work(session: AsyncSession) -> Answer:
        invitation = await revoke_invitation(
            session,
            organization_id=write.caller.organization_id,
            invitation_id=invitation_id,
            now=await app_now(session),
        )
        write.noted.update(email=invitation.email)
        return Answer(status=204)

    return await write.once(work)


def _sign_in_url(parts: Dependencies) -> str:
    return f"{parts.pages.public_url.rstrip('/')}/sign-in"


def _view(invitation: Invitation) -> InvitationView:
    return InvitationView.model_validate(invitation.model_dump(exclude={"organization_id", "email_key"}))
