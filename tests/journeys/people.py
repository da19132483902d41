"""People of one organisation at the running product: the first owner by the command, the others by invitation."""

import json
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx

from deploy.demo.api import Json, invoice_api
from deploy.demo.instance import Instance
from deploy.demo.journey import Addresses
from deploy.demo.processes import Processes, python
from tests.journeys.account_mails import link_in, mail_about
from tests.journeys.visitor import Visitor, browser

OPERATOR_COMMAND = ("-m", "invoice_service.cli")


def new_password() -> str:
    """With characters that forms, HTML and JSON write in other ways, and chance between any two of them."""
    return "{}ë{}&{}<{}".format(*(secrets.token_hex(4) for _ in range(4)))


@dataclass(frozen=True)
class Person:
    email: str
    name: str
    password: str = field(default_factory=new_password, repr=False)


def new_person(name: str) -> Person:
    return Person(email=f"{name.split()[0].lower()}.{secrets.token_hex(4)}@people.example", name=name)


@dataclass
class House:
    """One organisation and its people, each in a browser of their own, which ``new_client`` makes."""

    instance: Instance
    processes: Processes
    addresses: Addresses
    id: str
    doors: AsyncExitStack
    new_client: Callable[[str], httpx.AsyncClient] = browser

    async def visitor(self) -> Visitor:
        return Visitor(await self.doors.enter_async_context(self.new_client(self.addresses.api)))

    async def command(self, *words: str) -> Json:
        answer = await self.processes.run(
            " ".join(words[:2]), python(*OPERATOR_COMMAND, *words), environment=self.instance.environment("invoice")
        )
        printed: Json = json.loads(answer)
        return printed

    async def owner_link(self, person: Person) -> str:
        """The path of the link that the operator's command prints, once."""
        made = await self.command(
            "owner", "create", "--organization", self.id, "--email", person.email, "--name", person.name
        )
        return str(made["link"]).removeprefix(self.addresses.api)

    @property
    def owner(self) -> Person:
        """Made by the operator's command together with the organisation."""
        made = self.addresses.owner
        return Person(email=made.email, name="Johanna Hellström", password=made.password)

    async def first_owner(self) -> Visitor:
        """With the password chosen by the link that the command printed, and signed in."""
        visitor, link = await self.visitor(), self.addresses.owner.link.removeprefix(self.addresses.api)
        saved = await visitor.press("Save password", on=link, password=self.owner.password)
        assert saved.status_code == httpx.codes.SEE_OTHER, saved.text
        await self.signed_in(visitor, self.owner)
        return visitor

    async def signed_in(self, visitor: Visitor, person: Person) -> None:
        answer = await visitor.sign_in(person.email, person.password)
        assert (answer.status_code, answer.headers["location"]) == (303, "/account"), answer.text

    async def invite(self, owner: Visitor, person: Person, *, role: str) -> str:
        """The path of the link in the mail that came."""
        answer = await owner.call("POST", "/v1/invitations", {"email": person.email, "role": role})
        assert answer.status_code == httpx.codes.CREATED, answer.text
        mail = await mail_about(self.addresses.inbox, to=person.email, subject="invites you to")
        return link_in(mail, api=self.addresses.api, page="invitation")

    async def reset_link(self, person: Person, *, count: int = 1) -> str:
        """The path of the link in the ``count``-th such mail to this person."""
        mail = await mail_about(self.addresses.inbox, to=person.email, subject="Choose a new password", count=count)
        return link_in(mail, api=self.addresses.api, page="reset-password")


@asynccontextmanager
async def house_of(
    instance: Instance,
    processes: Processes,
    addresses: Addresses,
    *,
    new_client: Callable[[str], httpx.AsyncClient] = browser,
) -> AsyncIterator[House]:
    async with AsyncExitStack() as doors, invoice_api(addresses.api, api_key=addresses.api_key) as api:
        yield House(
            instance=instance,
            processes=processes,
            addresses=addresses,
            id=(await api.get("/v1/settings/organization"))["id"],
            doors=doors,
            new_client=new_client,
        )


async def send_invoice(visitor: Visitor, *, email: str, method: str = "manual", name: str = "Customer") -> Json:
    """As the console does it: a customer, a draft, and Send. The sent invoice as the API answered."""
    customer = await _made(visitor, "/v1/customers", {"name": name, "email": email})
    line = {"description": "Workshop", "quantity": "1", "unit_price": "100.00"}
    wanted = {"customer_id": customer["id"], "collection_method": method, "currency": "EUR", "lines": [line]}
    draft = await _made(visitor, "/v1/invoices", wanted)
    return await _made(visitor, f"/v1/invoices/{draft['id']}/send", {})


async def _made(visitor: Visitor, path: str, body: Json) -> Json:
    answer = await visitor.call("POST", path, body)
    assert answer.is_success, answer.text
    made: Json = answer.json()
    return made


def roles_in(session: Json) -> Sequence[str]:
    return [one["role"] for one in session["organizations"]]
