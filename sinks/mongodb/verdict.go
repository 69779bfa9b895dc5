package mongodb

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/auth"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"mekong/pipeline"
)

// failure is what is known of an error: whose fault, and words that quote
// neither document nor address. The driver's own error is not kept: its text
// may hold both, and so may whatever it wraps.
type failure struct {
	class class
	code  int // the server's, 0 when it is not from the server
	what  string
}

func (f failure) plain() error { return errors.New("mongodb: " + f.what) }

// verdict is the error for the records concerned. Once ctx has ended it is
// ctx's: what the driver says then is about the stop.
func (f failure) verdict(ctx context.Context) error {
	switch err := f.plain(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case f.class == dataFault:
		return pipeline.Permanent(err)
	case f.class == serverFault:
		return pipeline.Hold(err, 0)
	default:
		return err
	}
}

// command is the verdict on a call that carried no record, and so can be no
// record's fault.
func (f failure) command(ctx context.Context) error {
	if f.class == dataFault {
		f.class = unknown
	}
	return f.verdict(ctx)
}

// hold is the verdict on what has to work before any record can be looked at.
func (f failure) hold(ctx context.Context) error {
	f.class = serverFault
	return f.verdict(ctx)
}

// explain looks at the error of a whole command.
func explain(err error) failure {
	if se := mongo.ServerError(nil); errors.As(err, &se) {
		return explainServer(err, se)
	}
	if errors.Is(err, errURI) || errors.Is(err, errUnacknowledged) {
		return failure{class: serverFault, what: err.Error()}
	}
	if errors.Is(err, mongo.ErrClientDisconnected) {
		return failure{class: serverFault, what: "the sink is closed"}
	}
	if what := explainNetwork(err); what != "" {
		return failure{class: serverFault, what: what}
	}
	// A type's name cannot quote anything.
	return failure{what: fmt.Sprintf("the driver failed with a %T", err)}
}

func explainServer(err error, se mongo.ServerError) failure {
	n := 0
	for _, c := range se.ErrorCodes() {
		if n == 0 || codes[c].of == serverFault {
			n = c
		}
	}
	f := failure{class: codes[n].of, code: n, what: name(n)}
	if f.class == dataFault && !ofCommand[n] {
		f.class = serverFault
	}
	var ce mongo.CommandError
	message := ""
	if errors.As(err, &ce) {
		message = ce.Message
		if _, known := codes[n]; !known && isName(ce.Name) {
			f.what = fmt.Sprintf("%s (%d)", ce.Name, n)
		}
	}
	if what := explainDisk(message); what != "" && f.class == unknown {
		return failure{class: serverFault, code: n, what: what}
	}
	if f.class == unknown {
		for _, label := range []string{"RetryableWriteError", "SystemOverloadedError", "NetworkError", "TransientTransactionError"} {
			if se.HasErrorLabel(label) {
				f.class = serverFault
			}
		}
		if n <= 0 {
			// No code: the answer never came, or came from no server.
			if what := explainNetwork(err); what != "" {
				f.class, f.what = serverFault, what
			}
		}
	}
	return f
}

// explainWrite looks at the error of one operation.
func explainWrite(we mongo.WriteError) failure {
	f := failure{class: codes[we.Code].of, code: we.Code, what: name(we.Code)}
	switch {
	case f.class == duplicate:
		if path := otherIndex(we.Raw); path != "" {
			// A unique index of the operator's own. The document is refused for
			// what it holds, though its _id is free; see merge.
			return failure{class: dataFault, code: we.Code, what: f.what + ": another document has the same " + path}
		}
	case we.Code == 121:
		if path := rules(we.Details); path != "" {
			f.what += ": see " + path
		}
	case f.class == unknown:
		if what := explainDisk(we.Message); what != "" {
			return failure{class: serverFault, code: we.Code, what: what}
		}
	}
	return f
}

// explainConcern looks at a write that was applied and not confirmed as widely
// or as durably as asked. Whatever its code, no record is at fault.
func explainConcern(e *mongo.WriteConcernError) failure {
	return failure{class: serverFault, code: e.Code, what: "written, but not yet confirmed as asked: " + name(e.Code)}
}

// name is a code in words.
func name(n int) string {
	if c, ok := codes[n]; ok {
		return fmt.Sprintf("%s (%d)", c.name, n)
	}
	return fmt.Sprintf("error %d", n)
}

// isName reports whether s looks like the name of an error code, and so cannot
// be part of a document.
func isName(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return false
		}
	}
	return s != "" && len(s) <= 60
}

// explainDisk knows the ways in which a server says that its disk is in the
// way. SQLite-based ones say it under the general code 1.
func explainDisk(message string) string {
	message = strings.ToLower(message)
	for _, sign := range []string{
		"disk is full", "no space left", "disk i/o error", "readonly database", "read-only file system",
		"database is locked", "unable to open database", "over your space quota",
	} {
		if strings.Contains(message, sign) {
			return "the server's storage: " + sign
		}
	}
	return ""
}

// explainNetwork knows the ways in which no answer comes.
func explainNetwork(err error) string {
	var (
		dns       *net.DNSError
		errno     syscall.Errno
		unknownCA x509.UnknownAuthorityError
		badHost   x509.HostnameError
		badCert   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		login     *auth.Error
		network   net.Error
		selection topology.ServerSelectionError
		conn      topology.ConnectionError
		queue     topology.WaitQueueTimeoutError
	)
	switch {
	case errors.As(err, &login):
		return "the login failed"
	case errors.As(err, &dns):
		return "no such host, or no name server"
	case errors.As(err, &unknownCA), errors.As(err, &badHost), errors.As(err, &badCert), errors.As(err, &verify), errors.As(err, &record):
		return "the server's certificate is not accepted, or it does not speak TLS"
	case errors.As(err, &queue):
		return "no free connection in time"
	case errors.As(err, &errno):
		return "the server cannot be reached: " + errno.Error()
	case errors.As(err, &selection):
		return "no server was found that takes writes" + unreachable(selection)
	case mongo.IsTimeout(err):
		return "the server did not answer in time"
	case errors.As(err, &conn), errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), mongo.IsNetworkError(err):
		return "the connection broke"
	}
	return ""
}

// unreachable says what the driver last heard from the servers, as an error
// number: its text holds addresses.
func unreachable(e topology.ServerSelectionError) string {
	for _, server := range e.Desc.Servers {
		var errno syscall.Errno
		if errors.As(server.LastError, &errno) {
			return ": " + errno.Error()
		}
		if dns := (*net.DNSError)(nil); errors.As(server.LastError, &dns) {
			return ": no such host"
		}
	}
	return ""
}

// otherIndex is the paths of the unique index that a document offends, "" when
// that is the one on _id, or unknown. The values stay where they are.
func otherIndex(we bson.Raw) string {
	pattern, ok := we.Lookup("keyPattern").DocumentOK()
	if !ok {
		return ""
	}
	elements, err := pattern.Elements()
	if err != nil {
		return ""
	}
	var paths []string
	for _, e := range elements {
		paths = append(paths, e.Key())
	}
	if len(paths) == 1 && paths[0] == "_id" {
		return ""
	}
	return strings.Join(paths, " and ")
}

// rules is the properties that a collection's validator names when it refuses
// a document. They are the operator's words; the document's are beside them.
func rules(details bson.Raw) string {
	unmet, ok := details.Lookup("details", "schemaRulesNotSatisfied").ArrayOK()
	if !ok {
		return ""
	}
	values, err := unmet.Values()
	if err != nil {
		return ""
	}
	var paths []string
	for _, rule := range values {
		doc, ok := rule.DocumentOK()
		if !ok {
			continue
		}
		list, ok := doc.Lookup("propertiesNotSatisfied").ArrayOK()
		if !ok {
			continue
		}
		properties, err := list.Values()
		if err != nil {
			continue
		}
		for _, p := range properties {
			if p, ok := p.DocumentOK(); ok {
				if name, ok := p.Lookup("propertyName").StringValueOK(); ok {
					paths = append(paths, name)
				}
			}
		}
	}
	return strings.Join(paths, ", ")
}
