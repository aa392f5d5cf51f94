import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseMedallionConfig } from '../../src/medallion/config.ts';
import type { StepInput } from '../../src/medallion/config-input.ts';
import { BOX, layOut } from '../../src/medallion/graph-layout.ts';
import { graphSvg } from '../../src/medallion/graph-svg.ts';

function stepsOf(...steps: readonly StepInput[]) {
  return parseMedallionConfig({ steps }, { landing: 'lake', kafka: 'streams' }).steps;
}

const SQL = { sql: 'SELECT 1' };
const STEPS = stepsOf(
  { ...SQL, target: 'silver/b', source: 'bronze/b' },
  { ...SQL, target: 'silver/a', source: 'bronze/a', lookups: ['bronze/c'] },
  { ...SQL, target: 'gold/x', source: 'silver/b', lookups: [{ step: 'silver-a' }] },
  { ...SQL, target: 'gold/y', source: 'silver/a', mode: 'aggregate', keys: ['k'] },
);

describe('the layout of the graph of steps', () => {
  const { boxes, lines, width, height } = layOut(STEPS);

  it('has each table once, inside of the drawing and over no other', () => {
    assert.equal(new Set(boxes.map(({ id }) => id)).size, boxes.length);
    for (const [index, box] of boxes.entries()) {
      assert.ok(box.x >= 0 && box.y >= 0 && box.x + BOX.width <= width && box.y + BOX.height <= height, box.id);
      for (const other of boxes.slice(index + 1)) {
        const isApart = Math.abs(box.x - other.x) >= BOX.width || Math.abs(box.y - other.y) >= BOX.height;
        assert.ok(isApart, `${box.id} lies over ${other.id}`);
      }
    }
  });

  it('has a line for each table that a step reads, from the left to the right', () => {
    assert.deepEqual(lines.map(({ kind }) => kind).sort(), ['lookup', 'lookup', ...Array(4).fill('source')]);
    for (const { from, to } of lines) assert.ok(from.x + BOX.width < to.x, `${from.id} -> ${to.id}`);
  });

  it('puts tables beside those that they follow from', () => {
    const yOf = (id: string) => boxes.find((box) => box.id === `lake/${id}`)?.y ?? assert.fail(id);
    assert.equal(yOf('bronze/a') < yOf('bronze/b'), yOf('silver/a') < yOf('silver/b'));
  });

  it('is the same each time', () => {
    assert.equal(graphSvg(STEPS), graphSvg(STEPS));
  });
});

describe('the drawing of the graph of steps', () => {
  it('names buckets where there are several, and escapes what stands in names', () => {
    const svg = graphSvg(
      stepsOf({ ...SQL, target: 'a&b<c>', name: 'x', source: { bucket: 'kafka', prefix: 'p', name: 'p' } }),
    );
    assert.match(svg, />streams\/p</);
    assert.match(svg, />lake\/a&amp;b&lt;c&gt;</);
    assert.match(graphSvg(STEPS), />silver\/a</);
  });

  it('shows the end of a long name, and all of it in the title', () => {
    const target = `silver/${'long-'.repeat(20)}name`;
    const svg = graphSvg(stepsOf({ ...SQL, target, name: 'x', source: 'p' }));
    assert.match(svg, />…[^<]{27}</);
    assert.ok(svg.includes(`<title>lake/${target}</title>`));
  });
});
