#!/usr/bin/env node
import { startServer } from './server.ts'

const args = process.argv.slice(2)
const value = (name: string): string | undefined =>
  args
    .find((arg) => arg.replace(/^--?/, '').startsWith(`${name}=`))
    ?.split('=')
    .slice(1)
    .join('=')
const dev = args.some((arg) => /^--?dev$/.test(arg))
const config = args.filter((arg) => /^--?config=/.test(arg)).map((arg) => arg.replace(/^--?config=/, ''))
const rootTokenId = value('dev-root-token-id')
const listenAddress = value('dev-listen-address')
const server = await startServer(
  dev ? { dev: { ...(rootTokenId && { rootTokenId }), ...(listenAddress && { listenAddress }) } } : { config },
)
process.stdout.write(`listening on ${server.address}\n`)
