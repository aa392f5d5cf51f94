/** Silver and gold over TPC-H (tpc.org): the tables that arrive, the steps, and the queries that their targets have to equal. */
import type { StepRule } from '../../../src/medallion/rule.ts';
import { stepRule } from './step-tables.ts';

export const LOOKUPS = ['customer', 'supplier', 'nation', 'region'] as const;

/** What the portions of the changes of orders are cut from: orders that come, change and go, and some that come twice. */
export const ORDERS_LOG = `
  SELECT *, CAST(1 AS BIGINT) AS seq, 'I' AS op FROM orders
  UNION ALL SELECT * REPLACE (CAST(o_totalprice + 10 AS DECIMAL(15, 2)) AS o_totalprice), 2, 'U' FROM orders WHERE o_orderkey % 5 = 0
  UNION ALL SELECT *, 3, 'D' FROM orders WHERE o_orderkey % 11 = 0
  UNION ALL SELECT *, 1, 'I' FROM orders WHERE o_orderkey % 7 = 0`;

export const LINE_ITEMS = `SELECT l_orderkey, l_linenumber, l_suppkey, l_quantity, l_extendedprice, l_discount, l_tax, l_returnflag,
  l_linestatus, l_shipdate FROM lineitem`;
export const LOG = 'SELECT o_orderkey, seq, op, CAST(o_totalprice * 2 AS DECIMAL(18, 2)) AS price FROM orders_log';
const ORDERS = `SELECT o_orderkey, o_custkey, o_orderstatus, o_totalprice, o_orderdate, seq, op = 'D' AS "_deleted" FROM orders_log`;

export const QUERIES = {
  q1: `SELECT l_returnflag, l_linestatus, CAST(SUM(l_quantity) AS DECIMAL(30, 2)) AS sum_qty,
    CAST(SUM(l_extendedprice) AS DECIMAL(30, 2)) AS sum_base_price,
    CAST(SUM(l_extendedprice * (1 - l_discount)) AS DECIMAL(30, 4)) AS sum_disc_price,
    CAST(SUM(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS DECIMAL(30, 6)) AS sum_charge, COUNT(*) AS count_order
    FROM lineitem WHERE l_shipdate <= DATE '1998-09-02' GROUP BY l_returnflag, l_linestatus`,
  q3: `SELECT l_orderkey, CAST(SUM(l_extendedprice * (1 - l_discount)) AS DECIMAL(30, 4)) AS revenue, o_orderdate
    FROM customer JOIN orders ON c_custkey = o_custkey JOIN lineitem ON l_orderkey = o_orderkey
    WHERE c_mktsegment = 'BUILDING' AND o_orderdate < DATE '1995-03-15' AND l_shipdate > DATE '1995-03-15'
    GROUP BY l_orderkey, o_orderdate`,
  q5: `SELECT n_name, CAST(SUM(l_extendedprice * (1 - l_discount)) AS DECIMAL(30, 4)) AS revenue
    FROM customer JOIN orders ON c_custkey = o_custkey JOIN lineitem ON l_orderkey = o_orderkey
    JOIN supplier ON l_suppkey = s_suppkey AND c_nationkey = s_nationkey JOIN nation ON s_nationkey = n_nationkey
    JOIN region ON n_regionkey = r_regionkey WHERE r_name IN ('ASIA', 'EUROPE') GROUP BY n_name`,
  q6: `SELECT CAST(EXTRACT(YEAR FROM l_shipdate) AS INT) AS y, CAST(SUM(l_extendedprice * l_discount) AS DECIMAL(30, 4)) AS revenue,
    MAX(l_extendedprice) AS top, COUNT(*) AS n FROM lineitem WHERE l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24
    GROUP BY CAST(EXTRACT(YEAR FROM l_shipdate) AS INT)`,
  years: `SELECT CAST(EXTRACT(YEAR FROM l_shipdate) AS INT) AS y, l_linestatus, CAST(SUM(l_quantity) AS DECIMAL(30, 2)) AS quantity
    FROM lineitem GROUP BY CAST(EXTRACT(YEAR FROM l_shipdate) AS INT), l_linestatus`,
} as const;

export const SUMS = { q1: 'sum_charge', q3: 'revenue', q5: 'revenue', q6: 'revenue', years: 'quantity' } as const;

const lookups = LOOKUPS.map((name) => `bronze/${name}`);
const combine = {
  sum_qty: 'sum',
  sum_base_price: 'sum',
  sum_disc_price: 'sum',
  sum_charge: 'sum',
  count_order: 'sum',
} as const;

export const RULES = {
  lineitem: stepRule(
    'silver-lineitem',
    { source: 'bronze/lineitem', sql: LINE_ITEMS },
    { mode: { kind: 'merge', keys: ['l_orderkey', 'l_linenumber'], deletes: 'apply', lateness: 0 } },
  ),
  orders: stepRule(
    'silver-orders',
    { source: 'bronze/orders_log', sql: ORDERS },
    {
      mode: {
        kind: 'merge',
        keys: ['o_orderkey'],
        orderBy: 'seq',
        deleteWhen: '"_deleted"',
        deletes: 'ignore',
        lateness: 1_000,
      },
      properties: { 'delta.enableChangeDataFeed': 'true' },
    },
  ),
  log: stepRule('silver-log', { source: 'bronze/orders_log', sql: LOG }, { mode: { kind: 'append' } }),
  q1: stepRule(
    'gold-q1',
    { source: 'silver/lineitem', sql: QUERIES.q1 },
    { mode: { kind: 'aggregate', keys: ['l_returnflag', 'l_linestatus'], combine, rowCount: 'count_order' } },
  ),
  q6: stepRule(
    'gold-q6',
    { source: 'silver/lineitem', sql: QUERIES.q6 },
    { mode: { kind: 'aggregate', keys: ['y'], combine: { revenue: 'sum', top: 'max', n: 'sum' }, rowCount: 'n' } },
  ),
  years: stepRule(
    'gold-years',
    { source: 'silver/lineitem', sql: QUERIES.years },
    { mode: { kind: 'replace-partitions' }, partitionBy: ['y'] },
  ),
  q3: stepRule(
    'gold-q3',
    { source: 'silver/orders', sql: QUERIES.q3, lookups: ['silver/lineitem', ...lookups] },
    { mode: { kind: 'replace' } },
  ),
  q5: stepRule(
    'gold-q5',
    { source: 'silver/orders', sql: QUERIES.q5, lookups: ['silver/lineitem', ...lookups] },
    { mode: { kind: 'replace' } },
  ),
} as const satisfies Readonly<Record<string, StepRule>>;
