import { DataSource, EntitySchema } from 'typeorm';

const id = { type: Number, primary: true, generated: true };
const product = (onDelete) => ({ type: 'many-to-one', target: 'Product', joinColumn: { name: 'product_id' }, nullable: false, onDelete });

export const Product = new EntitySchema({
  name: 'Product',
  tableName: 'Product',
  columns: {
    id,
    name: { type: 'text', unique: true },
    priceCents: { type: 'int', name: 'price_cents' },
    createdAt: { type: 'timestamptz', name: 'created_at', createDate: true, select: false },
  },
  relations: {
    tags: { type: 'one-to-many', target: 'Tag', inverseSide: 'product', cascade: true },
    orders: { type: 'one-to-many', target: 'Order', inverseSide: 'product' },
  },
});
export const Tag = new EntitySchema({
  name: 'Tag',
  tableName: 'Tag',
  columns: { id, label: { type: 'text' } },
  relations: { product: product('CASCADE') },
});
export const Order = new EntitySchema({
  name: 'Order',
  tableName: 'Order',
  columns: { id, quantity: { type: 'int' } },
  relations: { product: product('NO ACTION') },
});

export default new DataSource({
  type: 'postgres',
  url: process.env.DATABASE_URL,
  installExtensions: false,
  entities: [Product, Tag, Order],
  migrations: ['migrations/*.mjs'],
});
