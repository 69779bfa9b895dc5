package chatbot

import (
	"context"
	"net"
	"time"

	"mekong/pipeline"
)

// Check connects to the chatbot and asks nothing: a question costs money, and is
// logged.
func (s *Sink) Check(ctx context.Context) []pipeline.Finding {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	port := s.url.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[s.url.Scheme]
	}
	host := s.url.Hostname()
	conn, err := s.dialler.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: s.setting("url"),
			What: "the chatbot at " + host + " cannot be reached: " + silent(err),
			Fix:  "people who write get the polite message meanwhile; start the chatbot, or correct the address"}}
	}
	_ = conn.Close() // nothing was sent over it
	return []pipeline.Finding{{Level: pipeline.OK, Setting: s.setting("url"), What: "the chatbot at " + host + " can be reached; whether it answers is seen with the first message"}}
}
