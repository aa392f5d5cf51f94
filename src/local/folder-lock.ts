import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface FolderLock {
  release(): Promise<void>;
}

/**
 * Claims a folder for this process; throws when another process on this machine has it. The claim is a local socket
 * that is listened on, so that it ends with the process however that ends, and no stale one is left behind.
 * It keeps two services from announcing the same files; what is committed does not depend on it.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const address = lockAddress(folder);
  const server = (await tryListen(address)) ?? ((await isAbandoned(address)) ? await tryListen(address) : undefined);
  if (server === undefined) throw new Error(`${folder} is served by another process already`);
  return {
    async release() {
      server.close();
      await once(server, 'close');
    },
  };
}

/** Linux and Windows have names that vanish with the process; elsewhere it is a file. */
function lockAddress(folder: string): string {
  const name = `resaca-${createHash('sha256').update(folder).digest('hex').slice(0, 32)}`;
  if (process.platform === 'linux') return `\0${name}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), name);
}

/** Undefined when the address is taken. */
async function tryListen(address: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy()).listen(address);
  try {
    await once(server, 'listening');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return undefined;
    throw error;
  }
  server.unref();
  return server;
}

/** Whether nobody answers at the address, which then is a file left behind; it is removed. */
async function isAbandoned(address: string): Promise<boolean> {
  const socket = connect(address);
  try {
    await once(socket, 'connect');
    return false;
  } catch {
    await unlink(address).catch(() => undefined);
    return true;
  } finally {
    socket.destroy();
  }
}
