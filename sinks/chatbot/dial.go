package chatbot

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"syscall"

	"mekong/sinks/outbound"
)

// silent is an error of the network in words that quote no address.
func silent(err error) string {
	var dns *net.DNSError
	var timeout net.Error
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(err, outbound.ErrPrivate):
		return outbound.Told(err)
	case errors.Is(err, context.Canceled):
		return "given up"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "the chatbot did not answer in time"
	case errors.As(err, &dns):
		return "the chatbot's host is not known by this name"
	case errors.As(err, &cert):
		return "the chatbot's certificate is not trusted"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at the chatbot's address"
	}
	return "the connection to the chatbot failed"
}
