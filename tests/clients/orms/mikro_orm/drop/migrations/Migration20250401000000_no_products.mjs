import { Migration } from '@mikro-orm/migrations';

export class NoProducts extends Migration {
  up() {
    this.addSql('drop table if exists "Product" cascade;');
  }
}
