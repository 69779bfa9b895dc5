// Package local runs a MongoDB look-alike inside this process: FerretDB on
// SQLite files, for a first run, for tests, and for a small business that wants
// no server. It is no place for a busy production.
//
// What goes wrong with such a server, and would not with MongoDB, is contained
// here and in the figures this package gives out, so that whoever writes to it
// writes as if to MongoDB (`sinks.md` §D1):
//
//   - An update command stops at its first failing operation and blames
//     operation 0, and every operation that matches holds one of 100 database
//     connections until the command ends; at 100 the server hangs for good. So
//     callers send at most [MaxUpdates] updates in one command and keep at most
//     [Writers] commands in flight.
//   - A look-up by _id reads the whole table. [Server.EnsureIndex] adds the
//     index that the server's own queries can use, as long as they ask for one
//     _id and nothing else. A condition besides the _id is not needed here: the
//     directory is locked, so no other process writes.
//   - In memory the server deadlocks on its first update, so it always runs on
//     files.
//   - Its warnings quote whole documents, so nothing it logs is kept.
//   - Stopping it with connections open takes three seconds: whoever connected
//     disconnects first, then calls [Server.Close].
//
// It listens on a socket in a directory that only this user may enter, and has
// no login. It knows nothing of records, sinks or configuration.
//
// With the build tag mekong_no_embedded_mongodb the server is left out of the
// program (some 25 MB), and Start says so.
package local

import "errors"

// What a client of the server must keep to; see the package comment.
const (
	MaxUpdates = 1 // documents updated, or read by _id, in one command
	Writers    = 4 // commands in flight
)

// ErrLeftOut is what Start returns in a program built without the server.
var ErrLeftOut = errors.New("this program was built without the embedded MongoDB: set the address of a server")

// ErrInUse is what Start returns when another process has dir.
var ErrInUse = errors.New("another process uses this directory")
