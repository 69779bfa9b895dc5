// Package appsscript carries the script that runs in a customer's spreadsheet, so that
// the program alone is enough to set one up. What talks to it is mekong/sinks/appsscript.
package appsscript

import _ "embed"

// Code is what is pasted into the script editor.
//
//go:embed Code.gs
var Code string
