'use strict';
// Runs Code.gs for a test: a line of JSON in, a line of JSON out. Each world is a
// spreadsheet of its own with a script of its own.

const fs = require('fs');
const readline = require('readline');
const vm = require('vm');
const google = require('./google.js');

const code = new vm.Script(fs.readFileSync(process.argv[2], 'utf8'), { filename: 'Code.gs' });
const worlds = new Map();

const commands = {
  open: (w, q) => {
    const made = google.world(q.options);
    made.context = vm.createContext(Object.assign({ console }, made.globals));
    code.runInContext(made.context);
    worlds.set(q.world, made);
  },
  close: (w, q) => { worlds.delete(q.world); },
  post: (w, q) => {
    w.context.event = { postData: { contents: q.body, type: 'application/json', length: q.body.length, name: 'postData' }, parameter: {} };
    const held = w.held;
    const out = vm.runInContext('doPost(event)', w.context);
    if (w.held !== held) throw new Error('the lock was not released');
    if (out.mime !== 'JSON') throw new Error('the answer is not JSON');
    return out.text;
  },
  get: (w) => vm.runInContext('doGet({})', w.context).text,
  call: (w, q) => {
    w.context.args = q.args;
    return vm.runInContext(q.name + '.apply(null, args)', w.context);
  },
  dump: (w) => ({
    tabs: w.book.tabs.map(google.shown), evaluated: w.book.evaluated, calls: w.book.calls, writes: w.book.writes,
    flushed: w.flushed, reads: w.reads,
  }),
  set: (w, q) => {
    if ('busy' in q) w.busy = q.busy;
    if ('failAt' in q) w.failAt = q.failAt;
    if ('secret' in q) w.properties.MEKONG_SECRET = q.secret;
    if ('most' in q) w.book.most = q.most;
  },
  // What a person does.
  cell: (w, q) => {
    const tab = w.book.tabs[q.tab || 0];
    while (tab.getMaxColumns() < q.column) tab.insertColumnsAfter(tab.getMaxColumns(), 1);
    const range = tab.getRange(q.row, q.column);
    if (q.format) range.setNumberFormat(q.format);
    range.setValue(q.value);
  },
  moveRow: (w, q) => {
    const grid = w.book.tabs[0].grid;
    grid.splice(q.to - 1, 0, ...grid.splice(q.from - 1, 1));
  },
  moveColumn: (w, q) => {
    for (const row of w.book.tabs[0].grid) row.splice(q.to - 1, 0, ...row.splice(q.from - 1, 1));
  },
  insertRow: (w, q) => { w.book.tabs[0].insertRowsAfter(q.after, 1); },
  deleteRow: (w, q) => { w.book.tabs[0].deleteRows(q.row, 1); },
  tab: (w, q) => { w.book.insertSheet(q.name, q.at).hidden = !!q.hidden; },
};

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const q = JSON.parse(line);
  let out;
  try {
    out = { result: commands[q.do](worlds.get(q.world), q) };
  } catch (err) {
    out = { error: String(err && err.stack || err) };
  }
  process.stdout.write(JSON.stringify(out) + '\n');
});
