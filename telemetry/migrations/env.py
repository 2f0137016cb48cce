"""What alembic runs before the migrations: they are part of the transaction that asks for them."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection)
context.run_migrations()
