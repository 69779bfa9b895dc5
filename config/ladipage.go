package config

import "time"

// LadiPage receives form submissions from LadiPage, from the visitor's browser
// and from LadiPage's servers alike.
type LadiPage struct {
	Path    string        `yaml:"path"`     // on the intake listener, e.g. /in/landing
	Token   Secret        `yaml:"token"`    // expected in a header or as the last path element
	Tokens  []Secret      `yaml:"tokens"`   // further tokens valid at the same time, while pages are republished
	Origins []string      `yaml:"origins"`  // page origins allowed by CORS; empty: any
	MaxBody Size          `yaml:"max_body"` // larger bodies are refused with 413
	Rate    float64       `yaml:"rate"`     // submissions per second per form before 429; bursts of ten seconds' worth pass
	Window  time.Duration `yaml:"window"`   // the same submission within it is the same delivery
}
