import type * as ArrowModule from 'apache-arrow';
import type { Footer } from '../footer.ts';
import { shapeOf } from '../nesting.ts';
import type { SchemaNode } from '../schema-node.ts';
import type { Arrow } from '../write/arrow-batch.ts';

/** Key under which Arrow's schema stands in a footer (Arrow, "Parquet: storing the Arrow schema"). */
export const ARROW_SCHEMA_KEY = 'ARROW:schema';

/**
 * An Arrow schema, as a footer has it, that has parquet-rs read INT96 as microseconds. By itself it takes nanoseconds,
 * which 64 bits hold from 1677 to 2262 only, and wraps around without a word. Of other columns it says nothing.
 * Undefined for a file without INT96.
 */
export function int96Hint(arrow: Arrow, footer: Footer): string | undefined {
  if (!footer.columns.some(({ physical }) => physical === 'INT96')) return undefined;
  const fields = footer.root.children.map((node) => new arrow.Field(node.name, hintOf(arrow, node), true));
  const stream = arrow.tableToIPC(new arrow.Table(new arrow.Schema(fields)), 'stream');
  return Buffer.from(firstMessage(stream)).toString('base64');
}

function hintOf(arrow: Arrow, node: SchemaNode): ArrowModule.DataType {
  const shape = shapeOf(node);
  const field = (child: SchemaNode) => new arrow.Field(child.name, hintOf(arrow, child), true);
  switch (shape.kind) {
    case 'primitive':
      if (shape.leaf.physical !== 'INT96') return new arrow.Null();
      return new arrow.Timestamp(arrow.TimeUnit.MICROSECOND, null);
    case 'struct':
      return new arrow.Struct(shape.fields.map(field));
    case 'list':
      return new arrow.List(field(shape.element));
    case 'map': {
      const entry = new arrow.Struct<{ key: ArrowModule.DataType; value: ArrowModule.DataType }>([
        field(shape.key) as never,
        field(shape.value) as never,
      ]);
      return new arrow.Map_(new arrow.Field('key_value', entry, false));
    }
    case 'unsupported':
      return new arrow.Null();
  }
}

/** The schema is the first message of a stream: a marker and the length, of 4 bytes each, before it. */
function firstMessage(stream: Uint8Array): Uint8Array {
  const length = new DataView(stream.buffer, stream.byteOffset).getInt32(4, true);
  return stream.subarray(0, 8 + length);
}
