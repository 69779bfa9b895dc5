/**
 * Mekong for Google Sheets. This script lives inside a spreadsheet and writes what
 * Mekong sends into it: one row per customer or conversation, never twice.
 *
 * To set it up, follow README.md beside this file. You need to change nothing here.
 *
 *  - Only who knows the secret can write. It is kept in the script's properties as
 *    MEKONG_SECRET and never travels: each request is signed with it, and so is each
 *    answer.
 *  - Columns are found by their headers in row 1. Move them, sort, filter, colour, and
 *    add columns of your own: yours are not touched. A missing column is made at the
 *    right end.
 *  - "Mekong ID" tells which row is whose and "Mekong version" (hidden) how new it is.
 *    Leave both alone. A hidden tab "_mekong" remembers the last requests.
 *  - Texts stay as they are: 0900… keeps its zero, and "=…" is never calculated.
 *
 * The script calls no other service, sends no mail, and reads no other file.
 */

var PROTOCOL = 1; // what Mekong and the script have agreed on
var SCRIPT = '1.0.0';
var WINDOW = 5 * 60 * 1000; // how far the clocks may be apart, milliseconds
var MOST_ROWS = 500; // in one request
var MOST_KEYS = 1000;
var MOST_COLUMNS = 400; // beyond this no more are made
var MOST_CELLS = 10000000; // Google's limit for a spreadsheet
var MOST_TEXT = 50000; // Google's limit for a cell
var VERSION = 'Mekong version';
var LEDGER = '_mekong';
var REMEMBERED = 50; // requests in the ledger
var TEXT = '@'; // the number format of plain text
var UNASKED = -2; // the place of a column that is only filled where there is one
var DATE = 'yyyy-mm-dd hh:mm:ss';

/** Opened in a browser: says that it is there, and nothing about the spreadsheet. */
function doGet() {
  return answer_({ batch: '', sig: '', secret: '' }, { ok: false, code: 'get' });
}

/** Every request of Mekong arrives here. It is always answered with JSON. */
function doPost(e) {
  var call = { batch: '', sig: '', secret: '', step: 'parse' };
  try {
    return answer_(call, serve_(call, e));
  } catch (err) {
    if (err && err.mekong) return answer_(call, err.mekong);
    // The message may quote a customer, so only the kind of error is told.
    return answer_(call, { ok: false, code: 'internal', step: call.step, error: String(err && err.name) });
  }
}

/** Reads and proves a request, then does what it asks for. */
function serve_(call, e) {
  var envelope;
  try {
    envelope = JSON.parse(e.postData.contents);
  } catch (err) {
    return { ok: false, code: 'parse' };
  }
  if (!envelope || typeof envelope !== 'object') return { ok: false, code: 'parse' };
  if (envelope.mekong !== PROTOCOL) return { ok: false, code: 'version' };
  call.batch = String(envelope.batch);
  call.sig = String(envelope.sig);
  var secret = PropertiesService.getScriptProperties().getProperty('MEKONG_SECRET');
  if (!secret) return { ok: false, code: 'setup' };
  if (!same_(sign_(envelope.ts + '.' + envelope.batch + '.' + envelope.payload, secret), call.sig)) {
    return { ok: false, code: 'auth' };
  }
  call.secret = secret; // from here on answers are signed
  if (!(Math.abs(Date.now() - Number(envelope.ts)) <= WINDOW)) return { ok: false, code: 'clock' };
  var p = JSON.parse(envelope.payload);
  call.step = 'open';
  var book = SpreadsheetApp.getActiveSpreadsheet();
  if (p.op === 'check') return check_(call, book, p);
  if (p.op !== 'write' && p.op !== 'forget' && p.op !== 'prove') return { ok: false, code: 'op' };
  if ((p.rows || []).length > MOST_ROWS || (p.keys || []).length > MOST_KEYS) return { ok: false, code: 'toomany' };

  // One run at a time: two at once would write over each other's rows.
  call.step = 'lock';
  var lock = LockService.getScriptLock();
  if (!lock.tryLock(Math.min(Number(p.wait) || 10000, 30000))) return { ok: false, code: 'busy', wait: 5 };
  try {
    call.step = 'ledger';
    var ledger = ledger_(book);
    var known = ledger.find(call.batch);
    call.step = 'tab';
    var sheet = tab_(book, p.tab);
    var answer;
    if (p.op === 'write') answer = write_(call, book, sheet, p, known);
    if (p.op === 'forget') answer = known ? { erased: 0 } : forget_(call, sheet, p);
    if (p.op === 'prove') answer = prove_(call, book, sheet, p);
    call.step = 'ledger';
    if (!known) ledger.add(call.batch, answer.errors || []);
    call.step = 'flush';
    SpreadsheetApp.flush();
    answer.ok = true;
    answer.replay = !!known;
    answer.id = book.getId();
    answer.gid = sheet.getSheetId();
    return answer;
  } finally {
    lock.releaseLock();
  }
}

/** Stores rows. p.columns says where values may go; each row is {k: key, v: version,
 * c: [[column, value], …]}. Rows come oldest first. */
function write_(call, book, sheet, p, known) {
  var rows = p.rows || [];
  call.step = 'headers';
  var table = table_(book, sheet, p, !known);
  if (known) {
    // An earlier run has done all of it; what people did since then stays.
    return {
      rows: rows.map(function (r) { return table.rowOf.get(String(r.k)) || 0; }),
      errors: known, left: 0, made: 0
    };
  }
  call.step = 'rows';
  var lines = new Map(); // one per key
  var errors = [];
  rows.forEach(function (r, i) {
    if (!r || typeof r.k !== 'string' || r.k === '' || typeof r.v !== 'string' || !Array.isArray(r.c)) {
      errors.push({ i: i, code: 'row' });
      return;
    }
    if (!lines.has(r.k)) lines.set(r.k, { key: r.k, row: table.rowOf.get(r.k) || 0, records: [] });
    lines.get(r.k).records.push(r);
  });
  var all = Array.from(lines.values());
  var old = all.filter(function (l) { return l.row > 0; });
  var fresh = all.filter(function (l) { return l.row === 0; });

  call.step = 'read';
  read_(sheet, table, old);
  var first = table.end + 1;
  if (fresh.length > 0) {
    grow_(book, sheet, first + fresh.length - 1, 0);
    var formats = sheet.getRange(first, 1, fresh.length, table.width).getNumberFormats();
    fresh.forEach(function (l, i) {
      l.row = first + i;
      l.version = '';
      l.cells = [];
      l.formats = formats[i];
    });
  }
  var left = 0;
  all.forEach(function (l) { left += merge_(l, table); });

  call.step = 'write';
  var done = [];
  runs_(table.ours).forEach(function (run) {
    if (fresh.length > 0) put_(sheet, first, run[0], fresh.map(function (l) { return slice_(l, run[0], run[1]); }), done);
  });
  patches_(old).forEach(function (patch) {
    put_(sheet, patch.row, patch.from, patch.lines.map(function (l) { return slice_(l, patch.from, patch.to); }), done);
  });
  left += verify_(done);
  return {
    rows: rows.map(function (r) { return r && lines.has(r.k) ? lines.get(r.k).row : 0; }),
    errors: errors, left: left, made: table.made
  };
}

/** Works out what a line's cells become: l.set, by column. A newer record writes what
 * it carries, an older one fills only what is empty. Gives how many values have no
 * column. */
function merge_(l, table) {
  var left = 0;
  l.set = {};
  var version = l.version;
  l.records.forEach(function (r) {
    var newer = r.v >= version;
    r.c.forEach(function (pair) {
      var at = table.places[pair[0]];
      if (!(at >= 0)) {
        if (at !== UNASKED) left++;
        return;
      }
      var have = at in l.set ? l.set[at] : l.cells[at];
      if (newer || have === undefined || have === '') l.set[at] = value_(pair[1]);
    });
    if (newer) version = r.v;
  });
  Object.keys(l.set).forEach(function (at) {
    if (equal_(l.set[at], l.cells[at])) delete l.set[at];
  });
  if (l.version === '' && l.cells.length === 0) l.set[table.key] = l.key;
  if (version !== l.version) l.set[table.version] = version;
  return left;
}

/** Erases the rows of keys, from the bottom up so that row numbers stay true. */
function forget_(call, sheet, p) {
  call.step = 'erase';
  var keys = new Set((p.keys || []).map(String));
  var erased = 0;
  var at = places_(headers_(sheet), p).key;
  var last = sheet.getLastRow();
  if (at < 0 || last < 2) return { erased: 0 };
  var column = sheet.getRange(2, at + 1, last - 1, 1).getValues();
  for (var end = column.length; end > 0; end--) {
    if (!keys.has(String(column[end - 1][0]))) continue;
    var from = end;
    while (from > 1 && keys.has(String(column[from - 2][0]))) from--;
    // Google refuses to delete the last row below a frozen header.
    if (sheet.getMaxRows() - (end - from + 1) < 2) sheet.insertRowsAfter(sheet.getMaxRows(), 1);
    sheet.deleteRows(from + 1, end - from + 1);
    erased += end - from + 1;
    end = from;
  }
  return { erased: erased };
}

/** Writes one marked row, looks at it, and removes it. */
function prove_(call, book, sheet, p) {
  var key = '00-mekong-doctor-' + call.batch;
  var wrote = write_(call, book, sheet, { keyColumn: p.keyColumn, columns: [], rows: [{ k: key, v: '0', c: [] }] }, null);
  SpreadsheetApp.flush();
  call.step = 'look';
  var at = places_(headers_(sheet), p).key;
  var seen = sheet.getRange(wrote.rows[0], at + 1).getValue() === key;
  return { seen: seen, erased: forget_(call, sheet, { keyColumn: p.keyColumn, keys: [key] }).erased };
}

/** Tells what an operator should know. It only reads. */
function check_(call, book, p) {
  var sheet = tab_(book, p.tab);
  var headers = headers_(sheet);
  var places = places_(headers, p);
  var keys = [];
  if (places.key >= 0 && sheet.getLastRow() > 1) {
    keys = sheet.getRange(2, places.key + 1, sheet.getLastRow() - 1, 1).getValues()
      .map(function (r) { return String(r[0]); }).filter(function (k) { return k !== ''; });
  }
  return {
    ok: true, script: SCRIPT, id: book.getId(), title: book.getName(), zone: book.getSpreadsheetTimeZone(),
    tab: sheet.getName(), gid: sheet.getSheetId(), headers: headers.slice(0, MOST_COLUMNS),
    key: places.key >= 0, version: places.version >= 0,
    placed: places.columns.map(function (at) { return at < 0 ? '' : headers[at]; }),
    rows: keys.length, doubles: keys.length - new Set(keys).size, cells: cells_(book)
  };
}

/** The tab to write to: the one of that name, else the first that people see. */
function tab_(book, name) {
  var tabs = book.getSheets().filter(function (s) { return s.getName() !== LEDGER; });
  var sheet = tabs.filter(function (s) { return name ? s.getName() === name : !s.isSheetHidden(); })[0];
  if (!sheet) fail_({ ok: false, code: 'tab', tabs: tabs.map(function (s) { return s.getName(); }).slice(0, 50) });
  return sheet;
}

/** The headers as people see them. */
function headers_(sheet) {
  var width = sheet.getLastColumn();
  if (width === 0 || sheet.getLastRow() === 0) return [];
  return sheet.getRange(1, 1, 1, width).getDisplayValues()[0];
}

/** Finds the columns that values go to, each counted from 0; -1 is none. A header
 * that is the same counts most, then one that reads the same without accents and
 * signs, then one of the other names that the field goes by. */
function places_(headers, p) {
  var names = headers.map(heading_);
  var taken = {};
  function take(at) {
    if (at >= 0) taken[at] = true;
    return at;
  }
  function free(name) {
    for (var i = 0; i < names.length; i++) if (names[i] === name && name !== '' && !taken[i]) return i;
    return -1;
  }
  var found = { key: take(free(heading_(p.keyColumn))), version: take(free(VERSION)), columns: [] };
  var columns = p.columns || [];
  columns.forEach(function (c, i) { found.columns[i] = take(free(heading_(c.header))); });
  var folded = headers.map(fold_);
  var chances = [];
  columns.forEach(function (c, i) {
    if (!c.names || found.columns[i] >= 0) return;
    folded.forEach(function (name, at) {
      if (name === '') return;
      var rank = [fold_(c.header)].concat(c.names).indexOf(name);
      if (rank >= 0) chances.push([rank, at, i]);
    });
  });
  chances.sort(function (a, b) { return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]; });
  chances.forEach(function (c) {
    if (found.columns[c[2]] < 0 && !taken[c[1]]) found.columns[c[2]] = take(c[1]);
  });
  return found;
}

/** Reads where everything is and, with make, makes the headers that are missing. */
function table_(book, sheet, p, make) {
  var headers = headers_(sheet);
  var found = places_(headers, p);
  var fresh = [];
  function need(at, header, forced) {
    if (at >= 0 || !make || (!forced && headers.length + fresh.length >= MOST_COLUMNS)) return at;
    fresh.push(header);
    return headers.length + fresh.length - 1;
  }
  found.key = need(found.key, p.keyColumn, true);
  var newVersion = found.version < 0;
  found.version = need(found.version, VERSION, true);
  (p.columns || []).forEach(function (c, i) {
    if (c.make) found.columns[i] = need(found.columns[i], c.header, false);
    else if (found.columns[i] < 0) found.columns[i] = UNASKED;
  });
  if (fresh.length > 0) {
    var blank = headers.length === 0;
    grow_(book, sheet, 1, headers.length + fresh.length);
    var done = [];
    put_(sheet, 1, headers.length, [fresh.map(function (h) { return { value: h, format: TEXT }; })], done);
    verify_(done);
    if (blank && sheet.getMaxRows() > 1) sheet.setFrozenRows(1);
    if (newVersion) sheet.hideColumns(found.version + 1);
  }
  var t = {
    key: found.key, version: found.version, places: found.columns, made: fresh.length,
    width: Math.max(headers.length + fresh.length, 1), rowOf: new Map(), versions: [], end: 1
  };
  t.ours = found.columns.concat([t.key, t.version]).filter(function (at) { return at >= 0; });
  var last = sheet.getLastRow();
  if (last < 2 || t.key < 0) return t;
  var keys = sheet.getRange(2, t.key + 1, last - 1, 1).getValues();
  if (t.version >= 0) t.versions = sheet.getRange(2, t.version + 1, last - 1, 1).getValues();
  keys.forEach(function (r, i) {
    var key = String(r[0]);
    if (key === '') return;
    t.end = i + 2;
    if (!t.rowOf.has(key)) t.rowOf.set(key, i + 2);
  });
  t.end = end_(sheet, t, last);
  return t;
}

/** The last row that is not free. Formulas and empty check boxes that somebody has
 * prepared further down in columns of their own do not count. */
function end_(sheet, t, last) {
  if (last <= t.end) return t.end;
  var range = sheet.getRange(t.end + 1, 1, last - t.end, t.width);
  var values = range.getValues();
  var formulas = range.getFormulas();
  for (var i = values.length - 1; i >= 0; i--) {
    for (var j = 0; j < t.width; j++) {
      var v = values[i][j];
      var prepared = formulas[i][j] !== '' || v === false;
      if (v !== '' && (!prepared || t.ours.indexOf(j) >= 0)) return t.end + 1 + i;
    }
  }
  return t.end;
}

/** Reads the present cells of lines, rows that are near each other at once. */
function read_(sheet, table, lines) {
  lines.sort(function (a, b) { return a.row - b.row; });
  for (var i = 0, j; i < lines.length; i = j) {
    for (j = i + 1; j < lines.length && lines[j].row - lines[j - 1].row <= 20; j++);
    var first = lines[i].row;
    var range = sheet.getRange(first, 1, lines[j - 1].row - first + 1, table.width);
    var values = range.getValues();
    var formats = range.getNumberFormats();
    lines.slice(i, j).forEach(function (l) {
      l.cells = values[l.row - first];
      l.formats = formats[l.row - first];
      l.version = String(table.versions[l.row - 2][0]);
    });
  }
}

/** Columns that stand side by side, as [first, last]. */
function runs_(columns) {
  var runs = [];
  columns.map(Number).sort(function (a, b) { return a - b; }).forEach(function (at) {
    var run = runs[runs.length - 1];
    if (run && at <= run[1] + 1) run[1] = at;
    else runs.push([at, at]);
  });
  return runs;
}

/** What changes in rows that are there, as few rectangles. */
function patches_(lines) {
  var open = {};
  var patches = [];
  lines.forEach(function (l) {
    runs_(Object.keys(l.set)).forEach(function (run) {
      var id = run.join(':');
      var p = open[id];
      if (p && l.row === p.row + p.lines.length) {
        p.lines.push(l);
        return;
      }
      open[id] = { row: l.row, from: run[0], to: run[1], lines: [l] };
      patches.push(open[id]);
    });
  });
  return patches;
}

/** The cells of a line from one column to another, with their number formats. */
function slice_(l, from, to) {
  var out = [];
  for (var at = from; at <= to; at++) {
    var v = at in l.set ? l.set[at] : '';
    out.push({ value: v, format: format_(v, l.formats[at]) });
  }
  return out;
}

/** Writes a rectangle. The format comes first: Google reads a text as if somebody had
 * typed it, so 0900 would lose its zero and "=…" be calculated, unless the cell is
 * plain text by then. column is counted from 0. */
function put_(sheet, row, column, grid, done) {
  var range = sheet.getRange(row, column + 1, grid.length, grid[0].length);
  var values = grid.map(function (r) { return r.map(function (c) { return c.value; }); });
  range.setNumberFormats(grid.map(function (r) { return r.map(function (c) { return c.format; }); }));
  range.setValues(values);
  done.push({ range: range, values: values });
}

/** Looks at the texts just written. One that did not stay what it was is written again
 * behind an apostrophe; one that is a formula even so is taken out. Gives how many. */
function verify_(done) {
  var again = [];
  SpreadsheetApp.flush();
  done.forEach(function (d) {
    var back = d.range.getValues();
    d.values.forEach(function (r, i) {
      r.forEach(function (want, j) {
        if (typeof want !== 'string' || want === '' || back[i][j] === want) return;
        if (typeof back[i][j] === 'string' && "=+-@'".indexOf(want.charAt(0)) < 0) return;
        var cell = d.range.getCell(i + 1, j + 1);
        cell.setNumberFormat(TEXT);
        cell.setValue("'" + want);
        again.push(cell);
      });
    });
  });
  if (again.length === 0) return 0;
  SpreadsheetApp.flush();
  return again.filter(function (cell) {
    if (cell.getFormula() === '') return false;
    cell.clearContent();
    return true;
  }).length;
}

/** The number format for a value. People's own formats of numbers and dates stay. */
function format_(v, present) {
  if (typeof v === 'string') return v === '' ? present : TEXT;
  if (isDate_(v)) return /[ymdhs]/i.test(present.replace(/"[^"]*"|\[[^\]]*\]/g, '')) ? present : DATE;
  return present === TEXT ? 'General' : present;
}

/** A value as it goes into a cell: a text, a number, yes or no, or {d: milliseconds}. */
function value_(v) {
  if (v && typeof v === 'object') return new Date(Number(v.d));
  return typeof v === 'string' ? v.slice(0, MOST_TEXT) : v;
}

function isDate_(v) { return Object.prototype.toString.call(v) === '[object Date]'; }

function equal_(a, b) {
  if (isDate_(a) && isDate_(b)) return Math.abs(a.getTime() - b.getTime()) < 500;
  return a === b;
}

/** A header as people compare them: without spaces too many. */
function heading_(s) { return String(s).normalize('NFC').split(/\s+/).filter(Boolean).join(' '); }

/** A header without case, accents, spaces and signs: "Số điện thoại" is sodienthoai. */
function fold_(s) {
  return String(s).normalize('NFD').toLowerCase().replace(/đ/g, 'd').replace(/[^\p{L}\p{Nd}]/gu, '');
}

function cells_(book) {
  return book.getSheets().reduce(function (n, s) { return n + s.getMaxRows() * s.getMaxColumns(); }, 0);
}

/** Makes the tab larger where it has to be. */
function grow_(book, sheet, rows, columns) {
  var moreRows = Math.max(0, rows - sheet.getMaxRows());
  var moreColumns = Math.max(0, columns - sheet.getMaxColumns());
  if (moreRows === 0 && moreColumns === 0) return;
  var more = moreRows * (sheet.getMaxColumns() + moreColumns) + moreColumns * sheet.getMaxRows();
  if (cells_(book) + more > MOST_CELLS) fail_({ ok: false, code: 'full' });
  if (moreRows > 0) sheet.insertRowsAfter(sheet.getMaxRows(), moreRows);
  if (moreColumns > 0) sheet.insertColumnsAfter(sheet.getMaxColumns(), moreColumns);
}

/** The last requests, in a hidden tab. A request that comes again, or late, does
 * nothing any more. */
function ledger_(book) {
  var sheet = book.getSheetByName(LEDGER);
  if (!sheet) {
    sheet = book.insertSheet(LEDGER, book.getSheets().length);
    sheet.hideSheet();
    sheet.getRange(1, 1, REMEMBERED, 3).setNumberFormat(TEXT);
  }
  var range = sheet.getRange(1, 1, REMEMBERED, 3);
  var seen = range.getValues();
  return {
    find: function (batch) {
      var hit = seen.filter(function (r) { return batch !== '' && r[0] === batch; })[0];
      return hit ? JSON.parse(hit[2]) : null;
    },
    add: function (batch, errors) {
      var oldest = 0;
      seen.forEach(function (r, i) { if (Number(r[1]) < Number(seen[oldest][1])) oldest = i; });
      sheet.getRange(oldest + 1, 1, 1, 3).setValues([[batch, String(Date.now()), JSON.stringify(errors)]]);
    }
  };
}

/** Ends the run with an answer. */
function fail_(answer) { throw { mekong: answer }; }

/** An answer: what it says, and the proof that this script, asked this, says it. */
function answer_(call, data) {
  data.now = Date.now();
  data.protocol = PROTOCOL;
  var text = ascii_(data);
  var sig = call.secret ? sign_('answer.' + call.sig + '.' + text, call.secret) : '';
  return ContentService.createTextOutput(ascii_({ mekong: PROTOCOL, batch: call.batch, data: text, sig: sig }))
    .setMimeType(ContentService.MimeType.JSON);
}

/** JSON in which no character can be garbled on the way. */
function ascii_(v) {
  return JSON.stringify(v).replace(/[\u007f-\uffff]/g, function (c) {
    return '\\u' + ('000' + c.charCodeAt(0).toString(16)).slice(-4);
  });
}

/** The signature over a text, in hexadecimal. */
function sign_(text, secret) {
  return Utilities.computeHmacSha256Signature(text, secret, Utilities.Charset.UTF_8)
    .map(function (b) { return ('0' + (b & 255).toString(16)).slice(-2); }).join('');
}

/** Compares in the same time wherever the difference is. */
function same_(a, b) {
  var diff = a.length ^ b.length;
  for (var i = 0; i < a.length; i++) diff |= a.charCodeAt(i) ^ b.charCodeAt(i % Math.max(b.length, 1));
  return diff === 0;
}
