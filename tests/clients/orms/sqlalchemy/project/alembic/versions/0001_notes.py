import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table("Note", sa.Column("id", sa.Integer, primary_key=True), sa.Column("body", sa.Text, nullable=False))
