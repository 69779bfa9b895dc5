package larkbase

import "mekong/sinks/columns"

// ofRecord are what a record has beside its fields, and so can be put into a column;
// see [entry.fields].
var ofRecord = columns.OfRecord()
