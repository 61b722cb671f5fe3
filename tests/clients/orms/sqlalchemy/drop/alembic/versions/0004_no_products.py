from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade():
    # Alembic's drop_table has no CASCADE.
    op.execute('DROP TABLE "Product" CASCADE')
