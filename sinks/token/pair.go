package token

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// Pair is what a sign-in or an exchange brings: an access token, and the refresh
// token that buys the next pair, once.
type Pair struct {
	Access   Token
	Refresh  Token    // its Expires is the end of its use; no value: the sign-in ends with Access
	Scopes   []string // what was granted, as far as it was told
	SignedIn time.Time
	// Ends is when the consent itself ends, however often it is renewed; zero: not
	// known. An exchange that leaves SignedIn and Ends empty keeps the old ones.
	Ends time.Time
}

// after fills in what an exchange does not tell.
func (p Pair) after(old Pair, now time.Time) Pair {
	if p.SignedIn.IsZero() {
		p.SignedIn = old.SignedIn
	}
	if p.Ends.IsZero() {
		p.Ends = old.Ends
	}
	if len(p.Scopes) == 0 {
		p.Scopes = old.Scopes
	}
	if p.Access.Issued.IsZero() {
		p.Access.Issued = now
	}
	return p
}

// Step is one earlier pair of a session, for whoever has to find out what went
// wrong. It holds no token.
type Step struct {
	At      time.Time `json:"at"`      // when it was saved
	Refresh string    `json:"refresh"` // fingerprint of its refresh token
	Epoch   uint64    `json:"epoch"`
}

const (
	stepsKept    = 5
	attemptsKept = 64
)

// saved is a session as it is stored.
type saved struct {
	Access   savedToken `json:"access"`
	Refresh  savedToken `json:"refresh"`
	Scopes   []string   `json:"scopes,omitempty"`
	SignedIn time.Time  `json:"signed_in"`
	Ends     time.Time  `json:"ends"`

	Epoch    uint64      `json:"epoch"`            // grows with every pair
	Steps    []Step      `json:"steps,omitempty"`  // the pairs before, newest last
	Attempts []time.Time `json:"attempts"`         // at exchanging, of all processes
	Trying   *time.Time  `json:"trying,omitempty"` // an exchange of Refresh was begun then and its end was not saved
	Lost     bool        `json:"lost,omitempty"`   // one exchange of Refresh was begun before Trying, too
	Broken   *brokenMark `json:"broken,omitempty"` // the vendor refused Refresh for good
}

type brokenMark struct {
	Why  Reason    `json:"why"`
	At   time.Time `json:"at"`
	Said string    `json:"said,omitempty"`
}

func (s *saved) pair() Pair {
	return Pair{Access: s.Access.token(), Refresh: s.Refresh.token(), Scopes: s.Scopes, SignedIn: s.SignedIn, Ends: s.Ends}
}

// put replaces the pair and everything that was about the old one.
func (s *saved) put(p Pair, now time.Time) {
	if s.Refresh.Value != "" {
		s.Steps = append(s.Steps, Step{At: now, Refresh: fingerprint(NewSecret(s.Refresh.Value)), Epoch: s.Epoch})
		if extra := len(s.Steps) - stepsKept; extra > 0 {
			s.Steps = slices.Delete(s.Steps, 0, extra)
		}
	}
	s.Access, s.Refresh, s.Scopes, s.SignedIn, s.Ends = p.Access.saved(), p.Refresh.saved(), p.Scopes, p.SignedIn, p.Ends
	s.Epoch++
	s.Trying, s.Lost, s.Broken = nil, false, nil
}

// fingerprint names a token without telling it: 48 bits of a hash, far too few to
// find a token by.
func fingerprint(s Secret) string {
	sum := sha256.Sum256([]byte("mekong token\x00" + s.Reveal()))
	return hex.EncodeToString(sum[:6])
}
