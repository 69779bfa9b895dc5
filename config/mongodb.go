package config

import "time"

// MongoDB stores records as documents.
type MongoDB struct {
	URI          Secret        `yaml:"uri"`           // empty: the embedded server on data_dir
	Database     string        `yaml:"database"`      //
	Collection   string        `yaml:"collection"`    //
	WriteConcern string        `yaml:"write_concern"` // "majority" (default) or a number of members ≥ 1
	Timeout      time.Duration `yaml:"timeout"`       // for one write, all retries of the driver included
	Writers      int           `yaml:"writers"`       // writes in flight per process
}
