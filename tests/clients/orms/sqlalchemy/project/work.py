"""The ordinary work of an application: each line that it prints is the same with and without pgwarden.
With the argument "empty": how SQLAlchemy empties a table."""

import io
import json
import os
import sys

import alembic.command
import alembic.config
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, delete, func, inspect, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, selectinload

from models import Order, Product, Tag

engine = create_engine(os.environ["DATABASE_URL"], future=True)


def show(what, value):
    print(what, json.dumps(value, default=str))


def alembic_says(command):
    output = io.StringIO()
    getattr(alembic.command, command)(alembic.config.Config("alembic.ini", stdout=output))
    return output.getvalue().splitlines()


def reflect():
    inspector = inspect(engine)
    show("tables", [sorted(inspector.get_table_names()), inspector.get_view_names(), inspector.get_schema_names()])
    show("constraints", [inspector.get_check_constraints("Product"), inspector.get_unique_constraints("Product")])
    metadata = MetaData()
    metadata.reflect(engine, views=True)
    for table in metadata.sorted_tables:
        show(table.name, [[f"{column.name} {column.type}" for column in table.columns], sorted(index.name for index in table.indexes)])
    show("reflected", [str(key.column) for key in Table("Tag", MetaData(), autoload_with=engine).foreign_keys])
    show("alembic", [alembic_says(command) for command in ("current", "heads", "history")])
    alembic.command.upgrade(alembic.config.Config("alembic.ini"), "head")  # finds nothing to do


def ordinary():
    reflect()
    with Session(engine, future=True) as session:
        products = select(Product).where(Product.price_cents >= 200, Product.tags.any(label="cat")).order_by(Product.id)
        show("rows", [
            [product.name, [tag.label for tag in product.tags], [order.quantity for order in product.orders]]
            for product in session.scalars(products.options(selectinload(Product.tags)).limit(3))
        ])
        groups = select(Order.quantity, func.count()).group_by(Order.quantity).order_by(Order.quantity)
        show("groups", [tuple(row) for row in session.execute(groups)])
        view = session.execute(text("SELECT name, sold FROM bestsellers LIMIT :n"), {"n": 2})
        show("view", [tuple(row) for row in view])
        show("server-side cursor", sum(1 for _ in session.scalars(select(Tag).execution_options(yield_per=100))))

    with Session(engine.execution_options(isolation_level="SERIALIZABLE"), future=True) as session, session.begin():
        fox = Product(name="Fox", price_cents=300, tags=[Tag(label="fox"), Tag(label="red")])
        session.add(fox)
        session.flush()
        fox.price_cents = Product.price_cents + 50
        session.flush()
        show("transaction", session.get(Product, fox.id, with_for_update=True, populate_existing=True).price_cents)
    with Session(engine, future=True) as session:
        session.execute(delete(Tag).where(Tag.label == "cat"))
        session.rollback()
        show("rolled back", session.scalar(select(func.count()).where(Tag.label == "cat")))
    with Session(engine, future=True) as session, session.begin():
        savepoint = session.begin_nested()
        session.execute(delete(Tag).where(Tag.label == "rocket"))
        savepoint.rollback()
        show("savepoint", session.scalar(select(func.count()).where(Tag.label == "rocket")))
    with Session(engine, future=True) as session, session.begin():
        session.add_all(Tag(product_id=n + 1, label=f"batch {n}") for n in range(200))
        session.flush()
        batch = [{"product_id": n + 1, "label": f"batch {n}"} for n in range(10)]
        session.execute(Tag.__table__.insert(), batch)
        show("batch", session.scalar(select(func.count()).where(Tag.label.startswith("batch"))))
        for price_cents in (100, 200):
            upsert = insert(Product).values(name="Owl", price_cents=price_cents)
            upsert = upsert.on_conflict_do_update(index_elements=["name"], set_={"price_cents": upsert.excluded.price_cents})
            show("upsert", session.execute(upsert.returning(Product.price_cents)).scalar())
        session.execute(update(Tag).where(Tag.label.startswith("batch 1")).values(label="batched"),
                        execution_options={"synchronize_session": False})
        show("deleted", session.execute(delete(Tag).where(Tag.label.in_(["batched", "fox"]))).rowcount)
    with engine.begin() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(7)))
        show("lock", connection.scalar(select(func.pg_try_advisory_xact_lock(7))))
    with engine.begin() as connection:
        picked = Table("picked", MetaData(), Column("id", Integer, primary_key=True), prefixes=["TEMPORARY"])
        picked.create(connection)
        connection.execute(picked.insert().from_select(["id"], select(Product.id).order_by(Product.id).limit(5)))
        show("temporary table", connection.scalar(select(func.count()).select_from(Tag.__table__.join(picked, picked.c.id == Tag.product_id))))
        connection.execute(text("DROP TABLE pg_temp.picked"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("LISTEN shop"))
        connection.execute(text("NOTIFY shop, 'hello'"))
        raw = connection.connection.dbapi_connection
        raw.poll()
        show("notification", [notice.payload for notice in raw.notifies])
    with Session(engine, future=True) as session, session.begin():
        session.delete(session.scalars(select(Product).filter_by(name="Fox")).one())


def empty():
    with Session(engine, future=True) as session, session.begin():
        session.execute(delete(Tag))


empty() if sys.argv[1:] == ["empty"] else ordinary()
