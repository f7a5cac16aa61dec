"""Runs the migrations of our own database for Alembic, one at a time whoever calls."""

from alembic import context
from sqlalchemy import create_engine, text

engine = create_engine(context.config.attributes["url"])
try:
    with engine.connect() as connection:
        context.configure(connection=connection, transaction_per_migration=False)
        with context.begin_transaction():
            # Two processes that start at once must not both create the schema.
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('fcb/migrate', 0))"))
            context.run_migrations()
finally:
    engine.dispose()
