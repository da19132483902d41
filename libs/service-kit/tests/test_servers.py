"""Which server the tests work with: the one that is named or none, and only without a name the one that is around."""

from collections.abc import Callable, Mapping

import pytest
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.own_rabbitmq import free_port
from service_kit.testing.servers import NoServer, Server, find_or_start_postgres, find_or_start_rabbitmq

PASSWORD = "named-and-dead-0123456789"
Find = Callable[..., Server]


@pytest.mark.parametrize(
    ("find", "scheme", "usual", "own"),
    [
        (find_or_start_postgres, "postgresql", "TEST_DATABASE_URL", "DEMO_DATABASE_URL"),
        (find_or_start_rabbitmq, "amqp", "TEST_BROKER_URL", "DEMO_BROKER_URL"),
    ],
)
def test_a_named_server_that_is_dead_is_said_by_name_and_never_replaced(
    find: Find, scheme: str, usual: str, own: str
) -> None:
    dead = f"{scheme}://somebody:{PASSWORD}@127.0.0.1:{free_port()}/"

    with pytest.raises(NoServer, match=f"^{usual} names") as by_usual_name:
        find({usual: dead})
    with pytest.raises(NoServer, match=f"^{own} names"):
        find({own: dead}, variable=own)

    assert PASSWORD not in str(by_usual_name.value)


async def test_a_named_postgres_whose_role_is_no_superuser_is_refused(service_database: ServiceDatabase) -> None:
    ordinary = {"TEST_DATABASE_URL": service_database.url("payment")}

    with pytest.raises(NoServer, match=r"TEST_DATABASE_URL .* superuser"):
        find_or_start_postgres(ordinary)


def test_named_servers_win_over_what_answers_on_the_local_ports(postgres_url: str, broker_url: str) -> None:
    named: Mapping[str, str] = {"TEST_DATABASE_URL": postgres_url, "TEST_BROKER_URL": broker_url}

    postgres, rabbitmq = find_or_start_postgres(named), find_or_start_rabbitmq(named)

    assert (postgres.origin, rabbitmq.origin) == ("TEST_DATABASE_URL", "TEST_BROKER_URL")
    assert (postgres.url, rabbitmq.url) == (postgres_url, broker_url)
