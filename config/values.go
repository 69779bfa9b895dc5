package config

// Secret is a value that must never be shown. It prints as "(secret)" through
// fmt, YAML, JSON and slog; only [Secret.Reveal] gives the value.
type Secret string

// Size is a number of bytes, written as 900KiB, 10MB or 1048576.
type Size int64
