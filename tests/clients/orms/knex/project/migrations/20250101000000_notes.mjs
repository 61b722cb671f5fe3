export const up = (knex) => knex.schema.createTable('Note', (table) => {
  table.increments();
  table.text('body').notNullable();
});

export const down = (knex) => knex.schema.dropTable('Note');
