import type { StructType } from '../../delta/schema.ts';
import { PayloadError } from '../../kafka/decode/payload-error.ts';
import { columnNames } from '../../kafka/rows/column-names.ts';
import { ColumnPlan } from '../../kafka/rows/column-plan.ts';
import { NewColumns } from '../../kafka/rows/new-columns.ts';
import type { LoadSettings } from '../config.ts';
import { LoadError } from '../load-error.ts';

/** The columns of a table, those that the settings give it, and those that the rows of a file bring along. */
export class Columns {
  readonly news: NewColumns;
  readonly #settings: LoadSettings;
  readonly #table: StructType | undefined;
  readonly #partitions: readonly string[];

  /** `table` is undefined for a new one. */
  constructor(settings: LoadSettings, table: StructType | undefined, partitions: readonly string[]) {
    this.#settings = settings;
    this.#table = table;
    this.#partitions = partitions;
    this.news = new NewColumns(settings.maxColumns, table);
  }

  /** How rows become cells, with what is known by now. */
  plan(): ColumnPlan {
    return new ColumnPlan({
      rule: this.#settings,
      metadata: [],
      names: columnNames([], this.#partitions),
      table: this.#table,
      news: this.news,
    });
  }

  /** Columns of a file that names them, in its order, whether they have a value or not. Throws LoadError for too many. */
  declare({ fields }: StructType): void {
    if (this.#settings.schemaPolicy === 'fixed') return;
    // A column that a strict table lacks is for its values to complain of.
    if (this.#settings.schemaPolicy === 'strict' && this.#table !== undefined) return;
    const names = columnNames([], this.#partitions);
    const plan = this.plan();
    try {
      for (const { name, type } of fields) {
        const column = names.columnOf(name);
        if (column !== undefined && plan.columnOf(name) === undefined) this.news.see(column, type);
      }
    } catch (error) {
      if (error instanceof PayloadError) throw new LoadError('UNSUPPORTED_FILE', error.message, { cause: error });
      throw error;
    }
    this.news.settle(true);
    this.news.takeGrowth();
  }
}
