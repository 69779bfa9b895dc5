//go:build mekong_no_embedded_mongodb

package local

import "context"

// Server is never made in a program built without the server.
type Server struct{}

// Start returns [ErrLeftOut].
func Start(context.Context, string) (*Server, error) { return nil, ErrLeftOut }

// Running finds none.
func Running(string) string { return "" }

// URI is empty.
func (*Server) URI() string { return "" }

// EnsureIndex returns [ErrLeftOut].
func (*Server) EnsureIndex(context.Context, string, string) error { return ErrLeftOut }

// Close does nothing.
func (*Server) Close() error { return nil }

// Scrub has nothing to scrub.
func Scrub(context.Context, string) error { return nil }
