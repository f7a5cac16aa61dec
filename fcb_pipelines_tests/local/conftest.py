"""A state folder that leaves nothing behind, wherever its Postgres went."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fcb_pipelines.local import placement


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder that only its owner can enter, as under /root or from `mktemp -d`."""
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def state(private: Path) -> Iterator[Path]:
    """An empty state folder."""
    folder = private / "state"
    folder.mkdir(mode=0o711)
    yield folder
    placement.remove(folder)
    shutil.rmtree(folder)


@pytest.fixture
def is_root() -> bool:
    """Whether a system user is needed."""
    return os.geteuid() == 0
