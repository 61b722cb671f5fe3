// What TypeORM generates has no CASCADE, and migrations like this one are written by hand.
export class NoProducts1743465600000 {
  up(queryRunner) {
    return queryRunner.query('DROP TABLE "Product" CASCADE');
  }
  down() {
    throw new Error('the products are gone');
  }
}
