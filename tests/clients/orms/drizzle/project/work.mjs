// The ordinary work of an application: each line that it prints is the same with and without pgwarden.
// With the argument "empty": how Drizzle empties a table.
import { and, asc, count, eq, gte, inArray, like, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import * as schema from './schema.mjs';

const { order, product, tag } = schema;
const db = drizzle(process.env.DATABASE_URL, { schema });
const show = (what, value) => console.log(what, JSON.stringify(value));

async function ordinary() {
  show('rows', await db.query.product.findMany({
    where: gte(product.priceCents, 200),
    columns: { createdAt: false },
    with: { tags: { where: eq(tag.label, 'cat') }, orders: { orderBy: asc(order.id), limit: 2 } },
    orderBy: asc(product.id),
    limit: 3,
  }));
  const top = db.$with('top').as(db.select({ id: product.id, orders: count().as('orders') }).from(product)
    .innerJoin(order, eq(order.productId, product.id)).groupBy(product.id).orderBy(product.id).limit(2));
  show('with', await db.with(top).select().from(top));
  show('groups', await db.select({ quantity: order.quantity, orders: count() }).from(order).groupBy(order.quantity).orderBy(order.quantity));
  show('count', await db.$count(tag, like(tag.label, 'r%')));
  show('view', (await db.execute(sql`SELECT name, sold FROM bestsellers LIMIT ${2}`)).rows);

  show('transaction', await db.transaction(async (tx) => {
    const [{ id }] = await tx.insert(product).values({ name: 'Fox', priceCents: 300 }).returning({ id: product.id });
    await tx.insert(tag).values([{ productId: id, label: 'fox' }, { productId: id, label: 'red' }]);
    await tx.update(product).set({ priceCents: sql`${product.priceCents} + 50` }).where(eq(product.id, id));
    return tx.select({ priceCents: product.priceCents }).from(product).where(eq(product.id, id)).for('update');
  }, { isolationLevel: 'serializable', accessMode: 'read write' }));
  show('rolled back', await db.transaction(async (tx) => {
    await tx.delete(tag).where(eq(tag.label, 'cat'));
    tx.rollback();
  }).catch((error) => error.message));
  show('savepoint', await db.transaction(async (tx) => {
    await tx.transaction(async (inner) => {
      await inner.delete(tag).where(eq(tag.label, 'rocket'));
      inner.rollback();
    }).catch(() => {});
    return tx.$count(tag, eq(tag.label, 'rocket'));
  }));
  const batch = Array.from({ length: 200 }, (_, n) => ({ productId: n + 1, label: `batch ${n}` }));
  show('batch', (await db.insert(tag).values(batch).returning()).length);
  for (const priceCents of [100, 200]) {
    show('upsert', await db.insert(product).values({ name: 'Owl', priceCents })
      .onConflictDoUpdate({ target: product.name, set: { priceCents } }).returning({ priceCents: product.priceCents }));
  }
  const prepared = db.select({ id: tag.id }).from(tag).where(eq(tag.label, sql.placeholder('label'))).orderBy(tag.id).limit(2).prepare('tags');
  show('prepared', [await prepared.execute({ label: 'cat' }), await prepared.execute({ label: 'rocket' })]);
  show('lock', await db.transaction(async (tx) => {
    await tx.execute(sql`SELECT pg_advisory_xact_lock(${7})`);
    return (await tx.execute(sql`SELECT pg_try_advisory_xact_lock(${7})`)).rows;
  }));
  show('temporary table', await db.transaction(async (tx) => {
    await tx.execute(sql`CREATE TEMPORARY TABLE picked (id int PRIMARY KEY) ON COMMIT DROP`);
    await tx.execute(sql`INSERT INTO picked SELECT id FROM ${product} ORDER BY id LIMIT 5`);
    return tx.$count(tag, inArray(tag.productId, sql`(SELECT id FROM picked)`));
  }));
  show('deleted', (await db.delete(tag).where(and(like(tag.label, 'batch %'), gte(tag.productId, 10)))).rowCount);
}

const empty = () => db.delete(tag);

try {
  await (process.argv[2] === 'empty' ? empty() : ordinary());
} finally {
  await db.$client.end();
}
