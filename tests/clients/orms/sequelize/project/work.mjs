// The ordinary work of an application: each line that it prints is the same with and without pgwarden.
// With the argument "empty": how Sequelize empties a table.
import { Sequelize, DataTypes, Op, Transaction } from 'sequelize';

const sequelize = new Sequelize(process.env.DATABASE_URL, { logging: false });
const show = (what, value) => console.log(what, JSON.stringify(value));

const plain = (name, columns) => sequelize.define(name, columns, { freezeTableName: true, timestamps: false });
const Product = plain('Product', {
  name: { type: DataTypes.TEXT, allowNull: false, unique: true },
  priceCents: { type: DataTypes.INTEGER, allowNull: false, field: 'price_cents' },
});
const Tag = plain('Tag', { label: DataTypes.TEXT });
const Order = plain('Order', { quantity: DataTypes.INTEGER });
for (const model of [Tag, Order]) {
  Product.hasMany(model, { foreignKey: { name: 'productId', field: 'product_id' } });
  model.belongsTo(Product, { foreignKey: { name: 'productId', field: 'product_id' } });
}

async function ordinary() {
  await sequelize.authenticate();
  const schema = sequelize.getQueryInterface();
  show('describe', await schema.describeTable('Product'));
  show('tables', (await schema.showAllTables()).sort());
  show('indexes', (await schema.showIndex('Product')).map((index) => index.name).sort());
  show('foreign keys', await schema.getForeignKeyReferencesForTable('Tag'));
  show('version', typeof (await sequelize.databaseVersion()));
  show('rows', await Product.findAll({
    where: { priceCents: { [Op.gte]: 200 } },
    include: [{ model: Tag, where: { label: 'cat' } }, { model: Order, separate: true, order: ['id'], limit: 2 }],
    order: ['id'],
    limit: 3,
  }));
  show('count', await Product.findAndCountAll({ where: { name: { [Op.iLike]: '%1' } }, limit: 1, order: ['id'] }));
  show('groups', await Order.findAll({
    attributes: ['quantity', [sequelize.fn('count', sequelize.col('id')), 'orders']], group: 'quantity', order: ['quantity'],
  }));
  show('view', await sequelize.query('SELECT name, sold FROM bestsellers LIMIT :n', { replacements: { n: 2 } }).then(([rows]) => rows));

  const isolationLevel = Transaction.ISOLATION_LEVELS.SERIALIZABLE;
  show('transaction', await sequelize.transaction({ isolationLevel }, async (transaction) => {
    const fox = await Product.create(
      { name: 'Fox', priceCents: 300, Tags: [{ label: 'fox' }, { label: 'red' }] }, { include: Tag, transaction });
    await fox.increment('priceCents', { by: 50, transaction });
    await fox.reload({ include: [], transaction, lock: transaction.LOCK.UPDATE });
    return fox.priceCents;
  }));
  show('rolled back', await sequelize.transaction(async (transaction) => {
    await Tag.destroy({ where: { label: 'cat' }, transaction });
    throw new Error('no');
  }).catch((error) => error.message));
  show('savepoint', await sequelize.transaction(async (transaction) => {
    await sequelize.transaction({ transaction }, async (inner) => {
      await Tag.destroy({ where: { label: 'rocket' }, transaction: inner });
      throw new Error('no');
    }).catch(() => {});
    return Tag.count({ where: { label: 'rocket' }, transaction });
  }));
  const batch = Array.from({ length: 200 }, (_, n) => ({ productId: n + 1, label: `batch ${n}` }));
  show('batch', (await Tag.bulkCreate(batch)).length);
  for (const priceCents of [100, 200]) {
    const [owl, created] = await Product.upsert({ name: 'Owl', priceCents }, { conflictFields: ['name'] });
    show('upsert', [owl.priceCents, created]);
  }
  for (const priceCents of [400, 500]) {  // by a function in pg_temp
    const [elk, created] = await Product.findOrCreate({ where: { name: 'Elk' }, defaults: { priceCents } });
    show('find or create', [elk.priceCents, created]);
  }
  show('lock', await sequelize.transaction(async (transaction) => {
    await sequelize.query('SELECT pg_advisory_xact_lock(7)', { transaction });
    return sequelize.query('SELECT pg_try_advisory_xact_lock($1)', { bind: [7], transaction }).then(([rows]) => rows);
  }));
  show('temporary table', await sequelize.transaction(async (transaction) => {
    await sequelize.query('CREATE TEMPORARY TABLE picked (id int PRIMARY KEY) ON COMMIT DROP', { transaction });
    await sequelize.query('INSERT INTO picked SELECT id FROM "Product" ORDER BY id LIMIT 5', { transaction });
    const id = { [Op.in]: sequelize.literal('(SELECT id FROM picked)') };
    return Tag.count({ where: { productId: id }, transaction });
  }));
  show('updated', await Tag.update({ label: 'batched' }, { where: { label: { [Op.startsWith]: 'batch 1' } } }));
  show('deleted', await Tag.destroy({ where: { label: ['batched', 'fox'] } }));
}

const empty = () => Tag.destroy({ where: {} });

try {
  await (process.argv[2] === 'empty' ? empty : ordinary)();
} finally {
  await sequelize.close();
}
