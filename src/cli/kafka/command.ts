import type { Command } from '../command.ts';

export const kafkaCommand: Command = {
  name: 'kafka',
  effect: 'serves',
  summary: 'write the records of Kafka topics into Delta tables, each once',
  description: [
    'Reads topics of any Kafka and writes their records into bronze tables until it is interrupted, as the bronze ' +
      'function does for Amazon MSK. The tables keep the offsets, so that it may be killed at any moment, and several ' +
      'of a group share the partitions.',
    'The configuration is JSON: the file that --config names, or else the variable RESACA_KAFKA_CONFIG, or else ' +
      '/etc/resaca/kafka.json. Logs go to the output as lines of JSON; health and metrics are served on port 8080 ' +
      'unless the configuration says otherwise.',
    '"resaca kafka run" is the same.',
  ],
  positionals: [],
  options: {
    config: { value: 'FILE', help: 'the configuration' },
    check: { help: 'end when the configuration was read: 0 when it is right, else 2' },
    'log-level': { value: 'LEVEL', help: 'debug, info, warn or error (default: info)' },
  },
  examples: ['resaca kafka --config kafka.json', 'resaca kafka --config kafka.json --check'],
  stopsCleanly: true,
  async run(args, context) {
    const { runKafka } = await import('./run.ts');
    return runKafka(args, context);
  },
};
