import { TableColumn } from 'typeorm';

export class Description1740787200000 {
  up(queryRunner) {
    return queryRunner.addColumn('Product', new TableColumn({ name: 'description', type: 'text', isNullable: true }));
  }
  down(queryRunner) {
    return queryRunner.dropColumn('Product', 'description');
  }
}
