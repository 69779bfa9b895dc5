package config

import _ "embed"

// Example is a commented configuration to begin with. It names every setting,
// those that are seldom needed behind a #, and is valid as it stands, given the
// environment variable LADIPAGE_TOKEN.
//
//go:embed example.yaml
var Example []byte
