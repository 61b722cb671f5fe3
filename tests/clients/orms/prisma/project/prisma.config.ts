// Prisma's own schema engine is a binary that is downloaded on install; this is the one of WebAssembly that its package
// brings along for driver adapters.
import { ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import { PrismaPg } from '@prisma/adapter-pg';

const CHAR = 18, NAME = 19, TEXT = 25;

// The schema engine never ends the timer that bounds its wait for the advisory lock: the command would live that long.
const { setTimeout } = globalThis;
globalThis.setTimeout = ((...all) => {
  const timer = setTimeout(...all);
  return all[1] === 10_000 ? timer.unref() : timer;
}) as typeof setTimeout;

// The schema engine reads columns of the types "char" and name from the catalogs, which the adapter does not know.
class Adapter extends PrismaPg {
  async connect() {
    const adapter = await super.connect();
    const { performIO, queryRaw } = adapter;
    let types = [];
    adapter.performIO = async (query) => {
      const result = await performIO.call(adapter, query);
      types = result.fields.map((field) => field.dataTypeID);
      for (const field of result.fields) if ([CHAR, NAME].includes(field.dataTypeID)) field.dataTypeID = TEXT;
      return result;
    };
    adapter.queryRaw = async (query) => {
      const rows = await queryRaw.call(adapter, query);
      rows.columnTypes = rows.columnTypes.map((type, i) => (types[i] === CHAR ? ColumnTypeEnum.Character : type));
      return rows;
    };
    return adapter;
  }
}

export default {
  schema: 'schema.prisma',
  experimental: { adapter: true },
  engine: 'js',
  adapter: async () => new Adapter({ connectionString: process.env.DATABASE_URL, idleTimeoutMillis: 100 }),
};
