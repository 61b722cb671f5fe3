// Knex has no CASCADE: what refers to the table goes first.
export const up = async (knex) => {
  await knex.schema.dropView('bestsellers');
  for (const table of ['Tag', 'Order', 'AgentRun']) await knex.schema.dropTable(table);
  await knex.schema.dropTable('Product');
};

export const down = () => {
  throw new Error('the products are gone');
};
