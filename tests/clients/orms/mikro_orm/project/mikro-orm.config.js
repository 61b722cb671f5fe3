import { EntitySchema, defineConfig } from '@mikro-orm/postgresql';
import { Migrator } from '@mikro-orm/migrations';

export const Product = new EntitySchema({
  name: 'Product',
  tableName: 'Product',
  properties: {
    id: { type: 'integer', primary: true, autoincrement: true },
    name: { type: 'text', unique: true },
    priceCents: { type: 'integer', fieldName: 'price_cents' },
    tags: { kind: '1:m', entity: () => 'Tag', mappedBy: 'product', orderBy: { id: 'asc' } },
    orders: { kind: '1:m', entity: () => 'Order', mappedBy: 'product', orderBy: { id: 'asc' } },
  },
});
export const Tag = new EntitySchema({
  name: 'Tag',
  tableName: 'Tag',
  properties: {
    id: { type: 'integer', primary: true, autoincrement: true },
    label: { type: 'text' },
    product: { kind: 'm:1', entity: () => 'Product', fieldName: 'product_id', deleteRule: 'cascade' },
  },
});
export const Order = new EntitySchema({
  name: 'Order',
  tableName: 'Order',
  properties: {
    id: { type: 'integer', primary: true, autoincrement: true },
    quantity: { type: 'integer' },
    product: { kind: 'm:1', entity: () => 'Product', fieldName: 'product_id' },
  },
});

export default defineConfig({
  clientUrl: process.env.DATABASE_URL,
  entities: [Product, Tag, Order],
  extensions: [Migrator],
  migrations: { path: 'migrations', glob: '*.mjs', snapshot: false },
  colors: false,
});
