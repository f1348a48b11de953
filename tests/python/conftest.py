"""What the tests of the Python package share."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import radlabel  # noqa: E402


@pytest.fixture(scope="session")
def engine():
    """The built-in engine with CheXpert's labels."""
    return radlabel.Engine()
