"""A small host for each test; tests of real usage are collected only where the measured file is."""

from pathlib import Path

import pytest

from fcb_pipelines_tests.source.bitbrains.host import DATA
from fcb_pipelines_tests.source.small_host import SmallHost

collect_ignore = [] if DATA.is_dir() else ["test_bitbrains.py"]


@pytest.fixture
def host(fresh_database: str, tmp_path: Path) -> SmallHost:
    """A host with a mapping that fits."""
    return SmallHost(fresh_database, tmp_path)
