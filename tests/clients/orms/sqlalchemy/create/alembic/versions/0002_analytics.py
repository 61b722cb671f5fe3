import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"


def upgrade():
    op.create_table("analytics_events", sa.Column("id", sa.Integer, primary_key=True), sa.Column("payload", JSONB))
