import { f } from '../../contract/field.ts'
import { done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'

/** The port of these routes: proofs of the audit logs. `device` '' is the only one. @throws Fault */
export interface AuditLogPort {
  checkpoint(device: string): {
    readonly origin: string
    readonly size: number
    readonly root: string
    /** The signed note. */
    readonly checkpoint: string
    /** Lines of the key file. */
    readonly keys: readonly string[]
  }
  proof(device: string, seq: number): Promise<{ readonly size: number; readonly proof: string }>
  consistency(
    device: string,
    from: number,
  ): Promise<{ readonly size: number; readonly hashes: readonly string[]; readonly checkpoint: string }>
  entries(device: string, first: number, count: number): Promise<readonly string[]>
  rotateKeys(): Promise<void>
}

const { read, write } = routesOf<unknown>()
const device = f.string('Path of the audit device; not needed where one has files.').or('')
const access = 'token' as const

const checkpointMembers = {
  origin: f.string('The name of the log.'),
  size: f.int('The number of its lines.'),
  root: f.string('The root of its tree, base64.'),
  checkpoint: f.string('The signed note.'),
  keys: f.list('Lines of the key file.'),
}

const proofMembers = {
  seq: f.int('The number of the line.'),
  size: f.int('The size of the checkpoint.'),
  proof: f.string('The file.'),
}

const consistencyMembers = {
  from: f.int('The earlier size.'),
  size: f.int('The size of the checkpoint.'),
  hashes: f.list('The proof (RFC 6962 §2.1.2).'),
  checkpoint: f.string('The signed note.'),
}

/** `sys/audit/checkpoint`, `proof`, `consistency`, `entries`: for auditors; and `sys/audit/rotate-keys`. */
export function auditLogRoutes(logs: AuditLogPort): Route<unknown>[] {
  return [
    read('audit/checkpoint', {
      about: 'The newest signed checkpoint of an audit log, and its public keys.',
      returns: checkpointMembers,
      access,
      fields: { device },
      handle: (_, values) => ({ data: { ...logs.checkpoint(values.device) } }),
    }),
    read('audit/proof', {
      about: 'Prove that a line is in an audit log: a C2SP tlog-proof file.',
      returns: proofMembers,
      access,
      fields: { device, seq: f.int('Number of the line, from 1.').or(0) },
      handle: async (_, values) => ({ data: { seq: values.seq, ...(await logs.proof(values.device, values.seq)) } }),
    }),
    read('audit/consistency', {
      about: 'Prove that the newest checkpoint of an audit log extends an earlier size.',
      returns: consistencyMembers,
      access,
      fields: { device, from: f.int('The earlier size, in lines.').or(0) },
      handle: async (_, values) => ({
        data: { from: values.from, ...(await logs.consistency(values.device, values.from)) },
      }),
    }),
    read('audit/entries', {
      about: 'Read lines of an audit log as they are in its files.',
      returns: { first: f.int('The number of the first line.'), lines: f.list('The lines.') },
      access,
      fields: {
        device,
        first: f.int('Number of the first line.').or(1),
        count: f.int('The number of lines, at most 1000.').or(100),
      },
      handle: async (_, { device: at, first, count }) => ({
        data: { first, lines: await logs.entries(at, first, count) },
      }),
    }),
    write('audit/rotate-keys', {
      about: 'Generate new keys for the checkpoints of the audit logs; the old private keys are destroyed.',
      access: 'sudo',
      handle: async () => {
        await logs.rotateKeys()
        return done()
      },
    }),
  ]
}
