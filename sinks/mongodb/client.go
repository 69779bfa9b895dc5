package mongodb

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

const (
	defaultTimeout = 20 * time.Second
	// selection is how long a call looks for a server before it is held. The
	// driver's 30 s would keep a stop waiting and say no more.
	selection = 5 * time.Second
)

// validate refuses what can never work, before anything is opened.
func (s *Sink) validate() error {
	fail := func(setting, what string) error {
		return fmt.Errorf("%s: %s", s.setting(setting), what)
	}
	if s.conf.Database == "" {
		return fail("database", "no name")
	}
	if s.conf.Collection == "" {
		return fail("collection", "no name")
	}
	if _, err := s.writeConcern(); err != nil {
		return fail("write_concern", err.Error())
	}
	if s.opts.MaxUpdates < 0 || s.opts.Writers < 0 {
		return errors.New("mongodb: negative options")
	}
	switch {
	case strings.HasPrefix(s.uri, "mongodb://"):
		if _, err := s.clientOptions(); err != nil {
			return fail("uri", err.Error())
		}
	case strings.HasPrefix(s.uri, "mongodb+srv://"):
		// Reading such an address asks DNS, which may be down today. The first
		// Write will see.
	default:
		return fail("uri", "not the address of a MongoDB server: it begins with mongodb:// or mongodb+srv://")
	}
	return nil
}

// errURI stands for every complaint of the driver about an address: the
// driver's own words may quote the password.
var errURI = errors.New("not a valid address of a MongoDB server: are special characters of the password percent-encoded, and all options known?")

// errUnacknowledged is the refusal of w=0: the server answers nothing, so every
// failure would look like success.
var errUnacknowledged = errors.New("w=0 asks the server not to confirm: a lost record would look stored")

// clientOptions reads the address and adds what a writer needs. For an SRV
// address it asks DNS.
func (s *Sink) clientOptions() (*options.ClientOptions, error) {
	o := options.Client().ApplyURI(s.uri)
	if err := o.Validate(); err != nil {
		if dns := (*net.DNSError)(nil); errors.As(err, &dns) {
			return nil, &net.DNSError{Err: dns.Err, IsTimeout: dns.IsTimeout, IsTemporary: dns.IsTemporary, IsNotFound: dns.IsNotFound}
		}
		return nil, errURI
	}
	if !o.WriteConcern.Acknowledged() {
		return nil, errUnacknowledged
	}
	concern, err := s.writeConcern()
	if err != nil {
		return nil, err
	}
	timeout := s.conf.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	o.SetAppName("mekong").SetWriteConcern(concern).SetReadPreference(readpref.Primary()).SetTimeout(timeout)
	o.SetReadConcern(readconcern.Local())
	if concern.W == writeconcern.WCMajority {
		// What a merge builds on must not be rolled back under it.
		o.SetReadConcern(readconcern.Majority())
	}
	if o.ServerSelectionTimeout == nil {
		o.SetServerSelectionTimeout(selection)
	}
	if o.MaxPoolSize == nil {
		o.SetMaxPoolSize(uint64(s.Limits().Writers) + 4)
	}
	if o.Compressors == nil && !nearby(o.Hosts) {
		o.SetCompressors([]string{"zstd", "snappy"})
	}
	return o, nil
}

// writeConcern is how many members must have a record, on disk.
func (s *Sink) writeConcern() (*writeconcern.WriteConcern, error) {
	journal := true
	if s.conf.WriteConcern == "" || s.conf.WriteConcern == "majority" {
		return &writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}, nil
	}
	n, err := strconv.Atoi(s.conf.WriteConcern)
	if err != nil || n < 0 {
		return nil, errors.New("neither majority nor a number of members")
	}
	if n == 0 {
		return nil, errUnacknowledged
	}
	return &writeconcern.WriteConcern{W: n, Journal: &journal}, nil
}

// nearby reports whether every host is on this machine, where compressing costs
// more than it saves.
func nearby(hosts []string) bool {
	for _, h := range hosts {
		if strings.HasSuffix(h, ".sock") {
			continue
		}
		host, _, err := net.SplitHostPort(h)
		if err != nil {
			host = h
		}
		if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() {
			return false
		}
	}
	return true
}
