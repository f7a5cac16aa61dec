"""The fixtures of conftest give each test a database of its own, in a folder that goes with the tests."""

from pathlib import Path

import psycopg
import pytest

from fcb_pipelines_tests.memory import PREFIX, quick_folder


@pytest.mark.parametrize("turn", [1, 2])
def test_a_fresh_database_is_empty_every_time(fresh_database: str, turn: int) -> None:
    with psycopg.connect(fresh_database) as conn:
        assert conn.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
        conn.execute("CREATE TABLE visited AS SELECT %s::int AS turn", [turn])


@pytest.mark.parametrize("turn", [1, 2])
def test_a_store_database_has_the_schema_every_time(store_database: str, turn: int) -> None:
    with psycopg.connect(store_database) as conn:
        assert conn.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
        conn.execute("CREATE TABLE visited AS SELECT %s::int AS turn", [turn])


def test_a_folder_in_memory_is_kept_while_it_is_used_and_swept_once_its_tests_are_dead(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}killed").mkdir()
    with quick_folder(tmp_path, room=0) as first, quick_folder(tmp_path, room=0) as second:
        assert {*tmp_path.iterdir()} == {first, second}
        assert first.stat().st_mode & 0o777 == 0o711
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("place", "room"), [("none", 0), ("", 2**60)])
def test_without_memory_or_room_in_it_it_is_on_the_disk(tmp_path: Path, place: str, room: int) -> None:
    with quick_folder(tmp_path / place, room=room) as folder:
        assert folder.is_dir()
        assert not folder.is_relative_to(tmp_path)
    assert not folder.exists()
