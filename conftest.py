"""Every test gets its servers, database and broker names from the kit's plugin; only this file may name plugins."""

import pytest

pytest_plugins = ["service_kit.testing.fixtures"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests recorded as ``evidence``: figures that a reader should see, also when tests run side by side."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "evidence":
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {value}")
