// What the post-mortem tells of: statements past all migrations, by the application's own client.
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from './client/index.js';

const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) });
try {
  if (process.argv[2] === 'create') {
    await prisma.$executeRawUnsafe('CREATE TABLE agent_scratch (id serial PRIMARY KEY, note text)');
    console.log('created');
  } else {
    await prisma.$executeRawUnsafe('DROP TABLE "Product" CASCADE');
    console.log('dropped');
  }
} finally {
  await prisma.$disconnect();
}
