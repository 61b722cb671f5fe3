module.exports = {
  up: (queryInterface, { INTEGER, JSONB }) => queryInterface.createTable('analytics_events', {
    id: { type: INTEGER, primaryKey: true, autoIncrement: true },
    payload: JSONB,
  }),
  down: (queryInterface) => queryInterface.dropTable('analytics_events'),
};
