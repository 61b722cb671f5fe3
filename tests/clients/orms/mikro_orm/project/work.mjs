// The ordinary work of an application: each line that it prints is the same with and without pgwarden.
// With the argument "empty": how MikroORM empties a table.
import { IsolationLevel, LockMode, MikroORM, raw } from '@mikro-orm/postgresql';
import config, { Order, Product, Tag } from './mikro-orm.config.js';

const orm = await MikroORM.init(config);
const show = (what, value) => console.log(what, JSON.stringify(value));

async function ordinary() {
  show('connected', await orm.isConnected());
  show('schema changes', (await orm.schema.getUpdateSchemaSQL({ safe: true, dropTables: false })).split('\n').length);
  show('pending migrations', await orm.migrator.getPendingMigrations());
  show('migrated', (await orm.migrator.getExecutedMigrations()).map((migration) => migration.name));

  const em = orm.em.fork();
  show('rows', await em.find(Product, { priceCents: { $gte: 200 }, tags: { label: 'cat' } }, {
    populate: ['tags', 'orders'], orderBy: { id: 'asc' }, limit: 3,
  }));
  show('joined', await em.fork().find(Product, { id: [1, 2] }, {
    populate: ['orders'], strategy: 'joined', orderBy: { id: 'asc' },
  }));
  show('count', await em.findAndCount(Product, { name: { $ilike: '%1' } }, { limit: 1, orderBy: { id: 'asc' } }).then(([, count]) => count));
  show('groups', await em.createQueryBuilder(Order).select(['quantity', raw('count(*) as orders')]).groupBy('quantity')
    .orderBy({ quantity: 'asc' }).execute());
  show('view', await em.execute('SELECT name, sold FROM bestsellers LIMIT ?', [2]));

  show('transaction', await em.fork().transactional(async (tx) => {
    const fox = tx.create(Product, { name: 'Fox', priceCents: 300, tags: [{ label: 'fox' }, { label: 'red' }] });
    await tx.flush();
    fox.priceCents += 50;
    await tx.flush();
    await tx.lock(fox, LockMode.PESSIMISTIC_WRITE);
    return fox;
  }, { isolationLevel: IsolationLevel.SERIALIZABLE }));
  show('rolled back', await em.fork().transactional(async (tx) => {
    await tx.nativeDelete(Tag, { label: 'cat' });
    throw new Error('no');
  }).catch((error) => error.message));
  show('savepoint', await em.fork().transactional(async (tx) => {
    await tx.transactional(async (inner) => {
      await inner.nativeDelete(Tag, { label: 'rocket' });
      throw new Error('no');
    }).catch(() => {});
    return tx.count(Tag, { label: 'rocket' });
  }));
  const batch = Array.from({ length: 200 }, (_, n) => ({ product: n + 1, label: `batch ${n}` }));
  await em.insertMany(Tag, batch);
  show('batch', await em.count(Tag, { label: { $like: 'batch %' } }));
  const changed = await em.find(Tag, { label: { $like: 'batch 1%' } });
  for (const tag of changed) tag.label = 'batched';
  await em.flush();
  show('updated in batches', await em.count(Tag, { label: 'batched' }));
  for (const priceCents of [100, 200]) {
    show('upsert', (await em.fork().upsert(Product, { name: 'Owl', priceCents })).priceCents);
  }
  show('upsert many', (await em.fork().upsertMany(Product, [{ name: 'Owl', priceCents: 50 }, { name: 'Elk', priceCents: 60 }])).length);
  show('lock', await em.fork().transactional(async (tx) => {
    await tx.execute('SELECT pg_advisory_xact_lock(?)', [7]);
    return tx.execute('SELECT pg_try_advisory_xact_lock(?)', [7]);
  }));
  show('temporary table', await em.fork().transactional(async (tx) => {
    await tx.execute('CREATE TEMPORARY TABLE picked (id int PRIMARY KEY) ON COMMIT DROP');
    await tx.execute('INSERT INTO picked SELECT id FROM "Product" ORDER BY id LIMIT 5');
    return tx.execute('SELECT count(*) FROM "Tag" JOIN picked ON picked.id = product_id');
  }));
  show('deleted', await em.nativeDelete(Tag, { label: ['batched', 'fox'] }));
  await em.fork().transactional(async (tx) => tx.remove(await tx.find(Tag, { label: 'red' })));
  show('removed', await em.fork().count(Tag, { label: 'red' }));
}

const empty = () => orm.em.fork().nativeDelete(Tag, {});

try {
  await (process.argv[2] === 'empty' ? empty() : ordinary());
} finally {
  await orm.close();
}
