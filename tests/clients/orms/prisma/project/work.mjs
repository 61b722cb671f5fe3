// The ordinary work of an application: each line that it prints is the same with and without pgwarden.
// With the argument "empty": how Prisma empties a table.
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient, Prisma } from './client/index.js';

const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) });
const show = (what, value) => console.log(what, JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? String(v) : v)));

async function ordinary() {
  show('rows', await prisma.product.findMany({
    where: { tags: { some: { label: 'cat' } }, priceCents: { gte: 200 } },
    include: { tags: true, orders: { orderBy: { id: 'asc' }, take: 2 }, _count: { select: { orders: true } } },
    omit: { createdAt: true },
    orderBy: { id: 'asc' },
    take: 3,
  }).then((rows) => rows.map((row) => ({ ...row, orders: row.orders.map((order) => order.quantity) }))));
  show('groups', await prisma.order.groupBy({ by: ['quantity'], _sum: { quantity: true }, orderBy: { quantity: 'asc' } }));
  show('view', await prisma.$queryRaw`SELECT name, sold FROM bestsellers LIMIT 2`);

  show('transaction', await prisma.$transaction(async (tx) => {
    const product = await tx.product.create({
      data: { name: 'Fox', priceCents: 300, tags: { create: [{ label: 'fox' }, { label: 'red' }] } },
      include: { tags: true },
    });
    await tx.product.update({ where: { id: product.id }, data: { priceCents: { increment: 50 } } });
    return product.tags.length;
  }, { isolationLevel: Prisma.TransactionIsolationLevel.Serializable }));
  show('rolled back', await prisma.$transaction(async (tx) => {
    await tx.tag.deleteMany({ where: { label: 'cat' } });
    throw new Error('no');
  }).catch((error) => error.message));
  show('savepoint', await prisma.$transaction(async (tx) => {
    await tx.$executeRaw`SAVEPOINT one`;
    await tx.tag.deleteMany({ where: { label: 'rocket' } });
    await tx.$executeRaw`ROLLBACK TO SAVEPOINT one`;
    return tx.tag.count({ where: { label: 'rocket' } });
  }));
  show('batch', await prisma.tag.createManyAndReturn({
    data: Array.from({ length: 200 }, (_, n) => ({ productId: n + 1, label: `batch ${n}` })),
  }).then((rows) => rows.length));
  show('batch transaction', await prisma.$transaction([
    prisma.tag.updateMany({ where: { label: { startsWith: 'batch 1' } }, data: { label: 'batched' } }),
    prisma.tag.count({ where: { label: 'batched' } }),
  ]));
  for (const priceCents of [100, 200]) {
    const row = await prisma.product.upsert({
      where: { name: 'Owl' },
      create: { name: 'Owl', priceCents },
      update: { priceCents },
    });
    show('upsert', row.priceCents);
  }
  show('lock', await prisma.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT pg_advisory_xact_lock(7)::text`;
    return tx.$queryRaw`SELECT pg_try_advisory_xact_lock(7)`;
  }));
  show('temporary table', await prisma.$transaction(async (tx) => {
    await tx.$executeRaw`CREATE TEMPORARY TABLE picked (id int PRIMARY KEY) ON COMMIT DROP`;
    await tx.$executeRaw`INSERT INTO picked SELECT id FROM "Product" ORDER BY id LIMIT 5`;
    return tx.$queryRaw`SELECT count(*) FROM "Tag" JOIN picked ON picked.id = product_id`;
  }));
  show('deleted', await prisma.tag.deleteMany({ where: { label: { in: ['batched', 'fox'] } } }));
}

const empty = () => prisma.tag.deleteMany();

try {
  await (process.argv[2] === 'empty' ? empty() : ordinary());
} finally {
  await prisma.$disconnect();
}
