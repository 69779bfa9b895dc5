// Command standin is what .ci/stack puts into the images that cannot be fetched where it
// runs: the real NATS server as "nats-server", and the embedded MongoDB behind a login as
// "mongod", with as much of "mongosh" as a health check asks for. It is no part of what is
// shipped.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/nats-io/nats-server/v2/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch name := filepath.Base(os.Args[0]); name {
	case "nats-server":
		err = natsServer(ctx, os.Args[1:])
	case "mongod":
		err = mongod(ctx, os.Args[1:])
	case "mongosh":
		err = mongosh(ctx, os.Args[1:])
	case "mongodump":
		err = mongodump(ctx, os.Args[1:])
	case "mongorestore":
		err = mongorestore(ctx, os.Args[1:])
	case "page":
		err = page(ctx, os.Args[1:])
	default:
		err = fmt.Errorf("it stands in for nothing called %s", name)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// natsServer is the real one, with the configuration that is shipped.
func natsServer(ctx context.Context, args []string) error {
	if len(args) != 2 || args[0] != "-c" {
		return fmt.Errorf("usage: nats-server -c FILE")
	}
	o, err := server.ProcessConfigFile(args[1])
	if err != nil {
		return err
	}
	o.NoSigs = true
	s, err := server.NewServer(o)
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	s.Start()
	<-ctx.Done()
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}
