export const up = (knex) => knex.schema.alterTable('Product', (table) => table.text('description'));

export const down = (knex) => knex.schema.alterTable('Product', (table) => table.dropColumn('description'));
