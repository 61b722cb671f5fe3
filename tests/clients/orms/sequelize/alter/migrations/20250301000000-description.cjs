module.exports = {
  up: (queryInterface, { TEXT }) => queryInterface.addColumn('Product', 'description', TEXT),
  down: (queryInterface) => queryInterface.removeColumn('Product', 'description'),
};
