// The ordinary work of an application: each line that it prints is the same with and without pgwarden.
// With the argument "empty": how TypeORM empties a table.
import { In, Like, MoreThanOrEqual } from 'typeorm';
import source, { Order, Product, Tag } from './data-source.mjs';

const show = (what, value) => console.log(what, JSON.stringify(value));

async function ordinary() {
  const runner = source.createQueryRunner();
  const table = await runner.getTable('Product');
  show('table', [table.columns.map((c) => [c.name, c.type, c.default]), table.checks.map((c) => c.expression), table.uniques.length]);
  show('foreign keys', (await runner.getTable('Tag')).foreignKeys.map((key) => [key.columnNames, key.referencedTableName, key.onDelete]));
  show('has', [await runner.hasTable('Product'), await runner.hasColumn('Product', 'colour')]);
  show('view', (await runner.getView('bestsellers'))?.name ?? null);
  await runner.release();
  show('pending migrations', await source.showMigrations());
  show('schema changes', (await source.driver.createSchemaBuilder().log()).upQueries.length > 0);

  const products = source.getRepository(Product);
  const tags = source.getRepository(Tag);
  show('rows', await products.find({
    where: { priceCents: MoreThanOrEqual(200), tags: { label: 'cat' } },
    relations: { tags: true, orders: true },
    order: { id: 'asc', orders: { id: 'asc' } },
    take: 3,
  }));
  show('groups', await source.getRepository(Order).createQueryBuilder('o').select('o.quantity', 'quantity')
    .addSelect('count(*)', 'orders').groupBy('o.quantity').orderBy('o.quantity').getRawMany());
  show('raw', await source.query('SELECT name, sold FROM bestsellers LIMIT $1', [2]));

  show('transaction', await source.transaction('SERIALIZABLE', async (manager) => {
    const fox = await manager.save(Product, { name: 'Fox', priceCents: 300, tags: [{ label: 'fox' }, { label: 'red' }] });
    await manager.increment(Product, { id: fox.id }, 'priceCents', 50);
    return manager.findOne(Product, { where: { id: fox.id }, lock: { mode: 'pessimistic_write' } });
  }));
  show('rolled back', await source.transaction(async (manager) => {
    await manager.delete(Tag, { label: 'cat' });
    throw new Error('no');
  }).catch((error) => error.message));
  show('savepoint', await source.transaction(async (manager) => {
    await manager.transaction(async (inner) => {
      await inner.delete(Tag, { label: 'rocket' });
      throw new Error('no');
    }).catch(() => {});
    return manager.countBy(Tag, { label: 'rocket' });
  }));
  const batch = Array.from({ length: 200 }, (_, n) => ({ product: { id: n + 1 }, label: `batch ${n}` }));
  show('batch', (await tags.save(batch, { chunk: 50 })).length);
  show('insert', (await tags.insert(batch.slice(0, 10))).identifiers.length);
  for (const priceCents of [100, 200]) {
    await products.upsert({ name: 'Owl', priceCents }, ['name']);
    show('upsert', await products.findOneBy({ name: 'Owl' }));
  }
  show('lock', await source.transaction(async (manager) => {
    await manager.query('SELECT pg_advisory_xact_lock($1)', [7]);
    return manager.query('SELECT pg_try_advisory_xact_lock($1)', [7]);
  }));
  show('temporary table', await source.transaction(async (manager) => {
    await manager.query('CREATE TEMPORARY TABLE picked (id int PRIMARY KEY) ON COMMIT DROP');
    await manager.query('INSERT INTO picked SELECT id FROM "Product" ORDER BY id LIMIT 5');
    return manager.createQueryBuilder(Tag, 't').where('t.product_id IN (SELECT id FROM picked)').getCount();
  }));
  show('updated', (await tags.update({ label: Like('batch 1%') }, { label: 'batched' })).affected);
  show('deleted', (await tags.delete({ label: In(['batched', 'fox']) })).affected);
  const red = await tags.findBy({ label: 'red' });
  show('removed', (await tags.remove(red)).length);
}

const empty = () => source.getRepository(Tag).createQueryBuilder().delete().execute();

await source.initialize();
try {
  await (process.argv[2] === 'empty' ? empty() : ordinary());
} finally {
  await source.destroy();
}
