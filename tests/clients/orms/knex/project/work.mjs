// The ordinary work of an application: each line that it prints is the same with and without pgwarden.
// With the argument "empty": how Knex empties a table.
import Knex from 'knex';
import config from './knexfile.mjs';

const knex = Knex(config);
const show = (what, value) => console.log(what, JSON.stringify(value));

async function ordinary() {
  show('columns', await knex('Product').columnInfo());
  show('tables', [await knex.schema.hasTable('Product'), await knex.schema.hasColumn('Product', 'colour')]);
  show('migrations', await knex.migrate.currentVersion());
  show('rows', await knex('Product as p').join('Tag as t', 't.product_id', 'p.id').where('t.label', 'cat')
    .select('p.id', 'p.name', 't.label').orderBy('p.id').limit(3));
  show('groups', await knex('Order').select('quantity').count().groupBy('quantity').orderBy('quantity'));
  show('view', await knex.with('top', knex('bestsellers').limit(2)).from('top').select('name', 'sold'));

  show('transaction', await knex.transaction(async (tx) => {
    const [{ id }] = await tx('Product').insert({ name: 'Fox', price_cents: 300 }).returning('id');
    await tx('Tag').insert([{ product_id: id, label: 'fox' }, { product_id: id, label: 'red' }]);
    return tx('Product').where({ id }).forUpdate().increment('price_cents', 50);
  }, { isolationLevel: 'serializable' }));
  show('rolled back', await knex.transaction(async (tx) => {
    await tx('Tag').where({ label: 'cat' }).del();
    throw new Error('no');
  }).catch((error) => error.message));
  show('savepoint', await knex.transaction(async (tx) => {
    await tx.transaction(async (inner) => {
      await inner('Tag').where({ label: 'rocket' }).del();
      throw new Error('no');
    }).catch(() => {});
    return tx('Tag').where({ label: 'rocket' }).count();
  }));
  const batch = Array.from({ length: 200 }, (_, n) => ({ product_id: n + 1, label: `batch ${n}` }));
  show('batch', await knex.batchInsert('Tag', batch, 50).returning('label').then((rows) => rows.length));
  for (const price_cents of [100, 200]) {
    show('upsert', await knex('Product').insert({ name: 'Owl', price_cents }).onConflict('name').merge(['price_cents'])
      .returning(['name', 'price_cents']));
  }
  show('lock', await knex.transaction(async (tx) => {
    await tx.raw('SELECT pg_advisory_xact_lock(?)', [7]);
    return tx.raw('SELECT pg_try_advisory_xact_lock(?)', [7]).then((result) => result.rows);
  }));
  show('temporary table', await knex.transaction(async (tx) => {
    await tx.raw('CREATE TEMPORARY TABLE picked (id int PRIMARY KEY)');
    await tx('picked').insert(tx('Product').select('id').orderBy('id').limit(5));
    const joined = await tx('Tag').join('picked', 'picked.id', 'product_id').count();
    await tx.schema.raw('DROP TABLE pg_temp.picked');
    return joined;
  }));
  show('deleted', await knex('Tag').where('label', 'like', 'batch %').orWhereIn('label', ['fox']).del());
}

const empty = () => knex('Tag').del();

try {
  await (process.argv[2] === 'empty' ? empty() : ordinary());
} finally {
  await knex.destroy();
}
