import { Migration } from '@mikro-orm/migrations';

export class Description extends Migration {
  up() {
    this.addSql('alter table "Product" add column "description" text null;');
  }
}
