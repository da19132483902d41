"""Every test gets its servers, database and broker names from the kit's plugin; only this file may name plugins."""

pytest_plugins = ["service_kit.testing.fixtures"]
