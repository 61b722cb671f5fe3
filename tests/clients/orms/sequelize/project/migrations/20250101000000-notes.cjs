module.exports = {
  up: (queryInterface, { INTEGER, TEXT }) => queryInterface.createTable('Note', {
    id: { type: INTEGER, primaryKey: true, autoIncrement: true },
    body: { type: TEXT, allowNull: false },
  }),
  down: (queryInterface) => queryInterface.dropTable('Note'),
};
