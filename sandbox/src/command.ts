#!/usr/bin/env node
// What npx starts. It imports nothing at first, so that a Node.js that is too old for the rest can say so.
const { node } = process.versions;
if (Number.parseInt(node) >= 24) await import('./main.js');
else {
  console.error(`The sandbox needs Node.js 24 or later. This is ${node}.`);
  process.exitCode = 1;
}
