import type { MedallionConfigInput } from '../../medallion/config.ts';

/** From files of orders and Kafka records of web requests to two silver and two gold tables. */
export const DEMO_STEPS: MedallionConfigInput = {
  steps: [
    {
      target: 'silver/orders',
      source: 'bronze/orders',
      sql: 'SELECT order_id, placed_at, customer, total, paid, len(lines) AS items FROM orders',
      // An order that comes again replaces the one that is there.
      mode: 'merge',
      keys: ['order_id'],
      quality: [{ check: 'condition', name: 'has-lines', sql: 'items > 0', action: 'quarantine' }],
    },
    {
      target: 'silver/requests',
      source: { bucket: 'kafka', prefix: 'bronze/web_requests' },
      sql: "SELECT method, split_part(path, '/', 2) AS page, status, bytes, seconds FROM web_requests WHERE method <> 'DELETE'",
      mode: 'append',
    },
    {
      target: 'gold/customers',
      source: { step: 'silver-orders' },
      sql: 'SELECT customer, count(*) AS orders, sum(total) AS revenue FROM orders GROUP BY customer',
      mode: 'aggregate',
      keys: ['customer'],
      combine: { orders: 'sum', revenue: 'sum' },
      rowCount: 'orders',
    },
    {
      target: 'gold/pages',
      source: { step: 'silver-requests' },
      sql:
        'SELECT page, count(*) AS requests, sum(bytes) AS bytes, max(seconds) AS slowest, ' +
        'count(*) FILTER (status >= 500) AS errors FROM requests GROUP BY page',
      mode: 'aggregate',
      keys: ['page'],
      combine: { requests: 'sum', bytes: 'sum', slowest: 'max', errors: 'sum' },
    },
  ],
};
