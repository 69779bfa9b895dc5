package config

// Size is a number of bytes, written as 900KiB, 10MB or 1048576.
type Size int64
