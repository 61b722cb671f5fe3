import { Table } from 'typeorm';

export class Notes1735689600000 {
  up(queryRunner) {
    return queryRunner.createTable(new Table({
      name: 'Note',
      columns: [
        { name: 'id', type: 'int', isPrimary: true, isGenerated: true, generationStrategy: 'increment' },
        { name: 'body', type: 'text' },
      ],
    }));
  }
  down(queryRunner) {
    return queryRunner.dropTable('Note');
  }
}
