"""Lets every test of this service write ``from notification_tests.make import …`` for the files beside this one.

The name is this service's own, since other services have a ``make.py`` and a ``fakes.py`` as well.
"""

import sys
from pathlib import Path
from types import ModuleType

_package = ModuleType("notification_tests")
_package.__path__ = [str(Path(__file__).parent)]
sys.modules.setdefault(_package.__name__, _package)
