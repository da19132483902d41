"""As a program: a throw-away Postgres or RabbitMQ container; prints its address and ends when its input closes."""

import sys

from testcontainers.community.postgres import PostgresContainer
from testcontainers.community.rabbitmq import RabbitMqContainer

POSTGRES_IMAGE = "postgres:17"
RABBITMQ_IMAGE = "rabbitmq:4-management"


def main() -> None:
    if sys.argv[1] == "postgres":
        with PostgresContainer(POSTGRES_IMAGE, driver="asyncpg") as postgres:
            _stay(postgres.get_connection_url())
        return
    with RabbitMqContainer(RABBITMQ_IMAGE) as broker:
        _stay(f"amqp://guest:guest@{broker.get_container_host_ip()}:{broker.get_exposed_port(5672)}/")


def _stay(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
