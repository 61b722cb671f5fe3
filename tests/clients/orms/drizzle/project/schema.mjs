import { relations } from 'drizzle-orm';
import { integer, pgTable, serial, text, timestamp } from 'drizzle-orm/pg-core';

export const product = pgTable('Product', {
  id: serial().primaryKey(),
  name: text().notNull().unique(),
  priceCents: integer('price_cents').notNull(),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
});
export const tag = pgTable('Tag', {
  id: serial().primaryKey(),
  productId: integer('product_id').notNull().references(() => product.id, { onDelete: 'cascade' }),
  label: text().notNull(),
});
export const order = pgTable('Order', {
  id: serial().primaryKey(),
  productId: integer('product_id').notNull().references(() => product.id),
  quantity: integer().notNull().default(1),
});

export const productRelations = relations(product, ({ many }) => ({ tags: many(tag), orders: many(order) }));
export const tagRelations = relations(tag, ({ one }) => ({
  product: one(product, { fields: [tag.productId], references: [product.id] }),
}));
export const orderRelations = relations(order, ({ one }) => ({
  product: one(product, { fields: [order.productId], references: [product.id] }),
}));
