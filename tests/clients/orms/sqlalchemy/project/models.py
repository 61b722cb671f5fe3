from sqlalchemy import Column, DateTime, ForeignKey, Integer, Text, func
from sqlalchemy.orm import declarative_base, relationship

Base = declarative_base()


class Product(Base):
    __tablename__ = "Product"
    id = Column(Integer, primary_key=True)
    name = Column(Text, nullable=False, unique=True)
    price_cents = Column(Integer, nullable=False)
    created_at = Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    tags = relationship("Tag", order_by="Tag.id", cascade="all, delete-orphan", passive_deletes=True)
    orders = relationship("Order", order_by="Order.id")


class Tag(Base):
    __tablename__ = "Tag"
    id = Column(Integer, primary_key=True)
    product_id = Column(ForeignKey("Product.id", ondelete="CASCADE"), nullable=False)
    label = Column(Text, nullable=False)


class Order(Base):
    __tablename__ = "Order"
    id = Column(Integer, primary_key=True)
    product_id = Column(ForeignKey("Product.id"), nullable=False)
    quantity = Column(Integer, nullable=False, server_default="1")
