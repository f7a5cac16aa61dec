"""The central side, served once and forgetful between tests."""

from collections.abc import Iterator

import pytest

from fcb_pipelines_tests.host.central import Central, central_side


@pytest.fixture(scope="session")
def running_central() -> Iterator[tuple[Central, str]]:
    """One server for all tests, because a server takes longer to end than most tests."""
    with central_side() as both:
        yield both


@pytest.fixture
def served(running_central: tuple[Central, str]) -> tuple[Central, str]:
    """A central side that knows nothing yet, and its address."""
    running_central[0].forget()
    return running_central
