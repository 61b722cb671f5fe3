import { Migration } from '@mikro-orm/migrations';

export class Notes extends Migration {
  up() {
    this.addSql('create table "Note" ("id" serial primary key, "body" text not null);');
  }
}
