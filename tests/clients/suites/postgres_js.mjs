// A loader that puts this file in the place of postgres.js's own tests/test.js, which stops at the first failure and
// names only that one. Prints a line for each test.
import { spawnSync } from 'node:child_process'

export const resolve = (specifier, context, next) =>
  specifier === './test.js' ? { url: import.meta.url, format: 'module', shortCircuit: true } : next(specifier, context)

const tests = []
const late = seconds => new Promise((_, reject) => setTimeout(() => reject(Error('timed out')), seconds * 1000))
const report = (name, outcome) => console.log(`\ntest ${JSON.stringify({ name, outcome })}`)

async function run() {
  let unhandled
  process.on('unhandledRejection', error => { unhandled = error })
  for (const { name, options, body } of tests) {
    unhandled = null
    try {
      const [expected, got] = await Promise.race([
        body().then(values => Promise.all(values)),
        late(options.timeout || t.timeout)
      ])
      if (expected !== got || unhandled)
        throw unhandled || Error(`${expected} !== ${got}`)
      report(name, 'passed')
    } catch (error) {
      console.log(error)
      report(name, 'failed')
      // The test did not come to its clean-up, and many of the others create this table.
      spawnSync('psql', ['-qc', 'set lock_timeout = 1000; drop table if exists test', 'postgres_js_test'])
    }
  }
  process.exit()
}

export function t(name, options, body = options) {
  tests.push({ name, options, body })
  tests.length === 1 && setImmediate(run)
}
t.timeout = 5
export const nt = name => report(name, 'skipped')
export const ot = t
