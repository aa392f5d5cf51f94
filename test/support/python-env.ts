export { pythonEnv } from '../../scripts/local-aws/python-env.ts';
