import { Table } from 'typeorm';

export class Analytics1738368000000 {
  up(queryRunner) {
    return queryRunner.createTable(new Table({
      name: 'analytics_events',
      columns: [
        { name: 'id', type: 'int', isPrimary: true, isGenerated: true, generationStrategy: 'increment' },
        { name: 'payload', type: 'jsonb', isNullable: true },
      ],
    }));
  }
  down(queryRunner) {
    return queryRunner.dropTable('analytics_events');
  }
}
