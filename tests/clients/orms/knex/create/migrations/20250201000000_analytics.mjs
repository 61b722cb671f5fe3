export const up = (knex) => knex.schema.createTable('analytics_events', (table) => {
  table.increments();
  table.jsonb('payload');
});

export const down = (knex) => knex.schema.dropTable('analytics_events');
