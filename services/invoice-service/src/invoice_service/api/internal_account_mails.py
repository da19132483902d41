"""The secret of one mail about an account, minted while notification-service makes that mail; never from outside."""

from typing import Annotated

from contracts.ids import MailId
from fastapi import APIRouter, Depends, Response
from pydantic import AwareDatetime, BaseModel, Field
from service_kit.database import app_now
from service_kit.service_tokens import ServiceCaller

from invoice_service.actions.people.mint_account_secret import mint_account_secret
from invoice_service.api.internal_documents import calling_service
from invoice_service.dependencies import Parts

router = APIRouter(prefix="/internal", tags=["internal"])


class MintedAddress(BaseModel):
    """``url`` is to be put into the mail and stored nowhere."""

    url: str = Field(repr=False)
    expires_at: AwareDatetime


@router.post("/account-mails/{mail_id}/secret", name="mint_account_mail_secret")
async def mint(
    mail_id: MailId, parts: Parts, caller: Annotated[ServiceCaller, Depends(calling_service)], response: Response
) -> MintedAddress:
    """Another secret at each call. 409 ``account-mail-moot`` says that the mail is not to be sent any more."""
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        minted = await mint_account_secret(
            session,
            organization_id=caller.organization_id,
            mail_id=mail_id,
            secrets=parts.accounts.secrets,
            now=await app_now(session),
        )
    response.headers["Cache-Control"] = "no-store"
    return MintedAddress(url=minted.address(public_url=parts.pages.public_url), expires_at=minted.expires_at)
