'use strict';
// Stand-ins for what Code.gs needs of Google, with the habits of Google Sheets that
// matter here: what is written is read as if somebody had typed it unless the cell is
// plain text, numbers and dates are one thing told apart by the format, the grid has
// an end, and the last row below frozen ones cannot be deleted.

const crypto = require('crypto');

const DAY = 86400000;
const EPOCH = 25569; // days from 1899-12-30 to 1970-01-01

// wall gives the milliseconds that a clock on the wall in zone shows at ms.
const zones = new Map();
function wall(ms, zone) {
  if (!zones.has(zone)) {
    zones.set(zone, new Intl.DateTimeFormat('en-US', {
      timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric',
      hour: 'numeric', minute: 'numeric', second: 'numeric',
    }));
  }
  const p = {};
  for (const part of zones.get(zone).formatToParts(new Date(ms))) p[part.type] = Number(part.value);
  return Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second) + (((ms % 1000) + 1000) % 1000);
}
const serialOf = (ms, zone) => wall(ms, zone) / DAY + EPOCH;
function instantOf(serial, zone) {
  const at = Math.round((serial - EPOCH) * DAY);
  let ms = at;
  for (let i = 0; i < 3; i++) ms = at - (wall(ms, zone) - ms);
  return ms;
}

const isDateFormat = (f) => /[ymdhs]/i.test(f.replace(/"[^"]*"|\[[^\]]*\]/g, ''));
const isDate = (v) => Object.prototype.toString.call(v) === '[object Date]';

class Cell {
  constructor(format) {
    this.value = '';
    this.format = format || 'General';
    this.formula = '';
  }
}

class Tab {
  constructor(book, name, rows, columns) {
    Object.assign(this, { book, name, gid: book.nextGid++, hidden: false, frozen: 0, hiddenColumns: new Set() });
    this.grid = Array.from({ length: rows }, () => Array.from({ length: columns }, () => new Cell()));
  }
  getName() { return this.name; }
  getSheetId() { return this.gid; }
  isSheetHidden() { return this.hidden; }
  hideSheet() { this.hidden = true; return this; }
  hideColumns(at) { this.hiddenColumns.add(at); }
  setFrozenRows(n) {
    if (n >= this.getMaxRows()) throw new Error('You cannot freeze all rows.');
    this.frozen = n;
  }
  getMaxRows() { return this.grid.length; }
  getMaxColumns() { return this.grid[0].length; }
  getLastRow() {
    for (let i = this.grid.length; i > 0; i--) if (this.grid[i - 1].some((c) => c.value !== '' || c.formula !== '')) return i;
    return 0;
  }
  getLastColumn() {
    let last = 0;
    for (const row of this.grid) for (let j = row.length; j > last; j--) if (row[j - 1].value !== '' || row[j - 1].formula !== '') last = j;
    return last;
  }
  insertRowsAfter(at, n) {
    if (at < 1 || at > this.grid.length) throw new Error('Those rows are out of bounds.');
    const like = this.grid[at - 1];
    this.grid.splice(at, 0, ...Array.from({ length: n }, () => like.map((c) => new Cell(c.format))));
    this.book.full();
  }
  insertColumnsAfter(at, n) {
    for (const row of this.grid) row.splice(at, 0, ...Array.from({ length: n }, () => new Cell(row[at - 1].format)));
    this.book.full();
  }
  deleteRows(at, n) {
    if (n < 1 || at < 1 || at + n - 1 > this.grid.length) throw new Error('Those rows are out of bounds.');
    if (this.grid.length - n <= this.frozen) throw new Error('You can\'t delete all the rows that are not frozen.');
    this.grid.splice(at - 1, n);
  }
  getRange(row, column, rows, columns) {
    return new Range(this, row, column, rows === undefined ? 1 : rows, columns === undefined ? 1 : columns);
  }
}

class Range {
  constructor(tab, row, column, rows, columns) {
    if (!(rows > 0 && columns > 0)) throw new Error('The number of rows in the range must be at least 1.');
    if (!(row > 0 && column > 0) || row + rows - 1 > tab.getMaxRows() || column + columns - 1 > tab.getMaxColumns()) {
      throw new Error('The coordinates of the range are outside the dimensions of the sheet.');
    }
    Object.assign(this, { tab, row, column, rows, columns });
    tab.book.calls++;
  }
  map(f) {
    const out = [];
    for (let i = 0; i < this.rows; i++) {
      out.push([]);
      for (let j = 0; j < this.columns; j++) out[i].push(f(this.tab.grid[this.row - 1 + i][this.column - 1 + j], i, j));
    }
    return out;
  }
  shaped(grid) {
    if (grid.length !== this.rows || grid.some((r) => r.length !== this.columns)) {
      throw new Error('The number of rows or columns in the data does not match that of the range.');
    }
    return grid;
  }
  getValues() {
    this.tab.book.calls++;
    return this.map((c) => {
      if (typeof c.value === 'number' && isDateFormat(c.format)) return new Date(instantOf(c.value, this.tab.book.zone));
      return c.value;
    });
  }
  getValue() { return this.getValues()[0][0]; }
  getDisplayValues() {
    return this.map((c) => {
      if (typeof c.value === 'boolean') return c.value ? 'TRUE' : 'FALSE';
      if (typeof c.value === 'number' && c.format.endsWith('%')) return c.value * 100 + '%';
      return String(c.value);
    });
  }
  getFormulas() { return this.map((c) => c.formula); }
  getFormula() { return this.getFormulas()[0][0]; }
  getNumberFormats() { return this.map((c) => c.format); }
  setNumberFormat(f) { this.map((c) => { c.format = f; }); return this; }
  setNumberFormats(grid) {
    this.shaped(grid);
    this.map((c, i, j) => {
      if (typeof grid[i][j] !== 'string') throw new Error('no such number format');
      c.format = grid[i][j];
    });
    return this;
  }
  setValues(grid) {
    this.shaped(grid);
    this.tab.book.calls++;
    this.tab.book.writes++;
    this.map((c, i, j) => type(this.tab.book, c, grid[i][j]));
    return this;
  }
  setValue(v) { return this.setValues([[v]]); }
  clearContent() { this.map((c) => { c.value = ''; c.formula = ''; }); return this; }
  getCell(i, j) { return new Range(this.tab, this.row + i - 1, this.column + j - 1, 1, 1); }
}

// type puts a value into a cell as Sheets does.
function type(book, c, v) {
  c.formula = '';
  if (isDate(v)) {
    c.value = serialOf(v.getTime(), book.zone);
    if (c.format === '@') c.value = String(c.value);
    else if (!isDateFormat(c.format)) c.format = 'M/d/yyyy H:mm:ss';
    return;
  }
  if (typeof v === 'number' || typeof v === 'boolean') {
    c.value = c.format === '@' ? (typeof v === 'boolean' ? String(v).toUpperCase() : String(v)) : v;
    return;
  }
  if (typeof v !== 'string') throw new Error('a value of this kind cannot be written');
  if (v.length > 50000) throw new Error('Your input contains more than the maximum of 50000 characters in a single cell.');
  if (c.format === '@') {
    c.value = book.quirks.quote && v.startsWith("'") ? v.slice(1) : v;
    if (book.quirks.formula && v.startsWith('=')) formula(book, c, v);
    if (book.quirks.stubborn && /^'?=/.test(v)) formula(book, c, v);
    return;
  }
  if (v.startsWith("'")) c.value = v.slice(1);
  else if (/^=./.test(v) || /^[+\-@][^\d\s]/.test(v)) formula(book, c, v);
  else if (/^(true|false)$/i.test(v)) c.value = /^t/i.test(v);
  else if (/^\$\d+(\.\d+)?$/.test(v)) { c.value = Number(v.slice(1)); c.format = '"$"#,##0.00'; }
  else if (/^[+-]?\d+(\.\d+)?%$/.test(v)) { c.value = Number(v.slice(0, -1)) / 100; c.format = '0%'; }
  else if (/^[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?(e\d+)?$/i.test(v)) c.value = Number(v.replace(/,/g, ''));
  else if (/^\d{4}-\d\d-\d\d$/.test(v)) { c.value = Date.parse(v + 'T00:00:00Z') / DAY + EPOCH; c.format = 'yyyy-mm-dd'; }
  else c.value = v;
}

function formula(book, c, v) {
  book.evaluated++;
  c.formula = v;
  c.value = '#NAME?';
}

class Book {
  constructor(o) {
    Object.assign(this, { id: o.id, title: o.title, zone: o.zone, nextGid: 0, evaluated: 0, calls: 0, writes: 0, quirks: o.quirks || {}, most: o.most || 10000000 });
    this.tabs = [new Tab(this, o.tab, o.rows || 1000, o.columns || 26)];
  }
  getId() { return this.id; }
  getName() { return this.title; }
  getSpreadsheetTimeZone() { return this.zone; }
  getSheets() { return this.tabs.slice(); }
  getSheetByName(name) { return this.tabs.find((t) => t.name === name) || null; }
  insertSheet(name, at) {
    if (this.getSheetByName(name)) throw new Error('A sheet with the name "' + name + '" already exists. Please enter another name.');
    const tab = new Tab(this, name, 1000, 26);
    this.tabs.splice(at === undefined ? this.tabs.length : at, 0, tab);
    return tab;
  }
  full() {
    if (this.tabs.reduce((n, t) => n + t.getMaxRows() * t.getMaxColumns(), 0) > this.most) {
      throw new Error('This action would increase the number of cells in the workbook above the limit of 10000000 cells.');
    }
  }
}

// world is one spreadsheet with its script: the globals that the script sees, and what
// a test may look at and change.
function world(o) {
  const book = new Book(o);
  const w = { book, properties: { MEKONG_SECRET: o.secret }, busy: false, held: 0, flushed: 0, reads: 0, failAt: '' };
  w.globals = {
    SpreadsheetApp: {
      getActiveSpreadsheet: () => {
        if (w.failAt === 'open') throw new Error('Service Spreadsheets failed while accessing document');
        return book;
      },
      flush: () => {
        w.flushed++;
        if (w.failAt === 'flush') throw new Error('Service Spreadsheets timed out');
      },
    },
    LockService: {
      getScriptLock: () => ({
        tryLock: (ms) => {
          if (typeof ms !== 'number') throw new Error('tryLock wants milliseconds');
          if (w.busy) return false;
          w.held++;
          return true;
        },
        releaseLock: () => { w.held--; },
      }),
    },
    PropertiesService: {
      getScriptProperties: () => ({
        getProperty: (name) => {
          w.reads++;
          return w.properties[name] === undefined ? null : w.properties[name];
        },
      }),
    },
    Utilities: {
      Charset: { UTF_8: 'UTF_8', US_ASCII: 'US_ASCII' },
      computeHmacSha256Signature: (text, key, charset) => {
        const bytes = (s) => Buffer.from(charset === 'UTF_8' ? s : s.replace(/[^\x00-\x7f]/g, '?'), 'utf8');
        return Array.from(crypto.createHmac('sha256', bytes(key)).update(bytes(text)).digest(), (b) => (b > 127 ? b - 256 : b));
      },
    },
    ContentService: {
      MimeType: { JSON: 'JSON', TEXT: 'TEXT' },
      createTextOutput: (text) => ({
        text,
        setMimeType(m) { this.mime = m; return this; },
      }),
    },
  };
  return w;
}

// shown is a tab as a test compares it: rows of [value, format], trimmed.
function shown(tab) {
  const rows = tab.getLastRow();
  const columns = tab.getLastColumn();
  return {
    name: tab.name, gid: tab.gid, hidden: tab.hidden, frozen: tab.frozen, hiddenColumns: Array.from(tab.hiddenColumns).sort((a, b) => a - b),
    maxRows: tab.getMaxRows(), maxColumns: tab.getMaxColumns(),
    cells: tab.grid.slice(0, rows).map((r) => r.slice(0, columns).map((c) => [c.value, c.format, c.formula])),
  };
}

module.exports = { world, shown, Tab };
