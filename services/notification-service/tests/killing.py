"""A process that ends at a named boundary of sending, and another one that takes over."""

from contracts.event import Event
from notification_service.mail_gateway import MailGateway, MailServer, Security
from notification_tests.fakes import ScriptedMailServer
from notification_tests.post_room import PostRoom
from service_kit import crash_points
from service_kit.testing.waiting import run_until

BEFORE_SENDING = ("mail.before_reserve",)
WHILE_SENDING = (
    "mail.after_reserve",
    "mail.before_connect",
    "mail.after_connect",
    "mail.before_data",
    "mail.before_content",
    "mail.after_data",
    "mail.before_record",
)
AFTERWARDS = ("mail.after_record",)
HANDED_OVER = ("mail.after_data", "mail.before_record")


class Killed(BaseException):
    """Ends a task as a killed process would: nothing after it runs, and no failure is recorded."""


class KillOnce:
    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: list[str] = []
        self.done = False

    def __call__(self, name: str) -> None:
        self.seen.append(name)
        if name == self.name and not self.done:
            self.done = True
            raise Killed(name)


def gateway(server: ScriptedMailServer) -> MailGateway:
    return MailGateway(
        MailServer(host="127.0.0.1", port=server.port, security=Security.NONE, hello_name="central.example")
    )


async def killed_at(post_room: PostRoom, server: ScriptedMailServer, name: str, event: Event) -> None:
    """Work until the process is killed at ``name``, then let another one take over."""
    post_room.door = gateway(server)
    kill = KillOnce(name)
    crash_points.install(kill)
    await post_room.hear(event)
    async with post_room.working():
        await run_until(lambda: kill.done)
    post_room.door = gateway(server)
    await post_room.work()
