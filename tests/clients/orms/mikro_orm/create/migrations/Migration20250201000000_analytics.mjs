import { Migration } from '@mikro-orm/migrations';

export class Analytics extends Migration {
  up() {
    this.addSql('create table "analytics_events" ("id" serial primary key, "payload" jsonb null);');
  }
}
