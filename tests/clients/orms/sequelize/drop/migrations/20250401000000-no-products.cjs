module.exports = {
  up: (queryInterface) => queryInterface.dropTable('Product', { cascade: true }),
  down: () => Promise.reject(new Error('the products are gone')),
};
