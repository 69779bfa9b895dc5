package bus

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// external is a server as somebody else would run one, over TCP.
func external(t *testing.T, change func(*server.Options)) *server.Server {
	t.Helper()
	o := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true}
	if change != nil {
		change(o)
	}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not come up")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

func monitored(o *server.Options) { o.HTTPHost, o.HTTPPort = "127.0.0.1", server.RANDOM_PORT }

func TestAnExternalServerIsNotLazySilently(t *testing.T) {
	for _, c := range []struct {
		name    string
		set     func(*server.Options)
		monitor bool
		says    string
		grouped bool
	}{
		{"not to be known", nil, false, "could not be verified", false},
		{"lazy", monitored, true, "NOT fsync'd", false},
		{"safe", func(o *server.Options) { monitored(o); o.SyncAlways = true }, true, "each lead: fsync'd on 1 disk", true},
		{"with a token", func(o *server.Options) { o.Authorization = "s3cret-s3cret-s3cret" }, false, "could not be verified", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := external(t, c.set)
			o := Options{URL: s.ClientURL(), Token: "s3cret-s3cret-s3cret", MaxBytes: 256 << 20}
			if c.monitor {
				o.Monitor = "http://" + s.MonitorAddr().String()
			}
			b, err := Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if d := b.Durability().String(); !strings.Contains(d, c.says) {
				t.Errorf("it says %q", d)
			}
			if b.pub.grouped != c.grouped {
				t.Errorf("grouped commits: %v", b.pub.grouped)
			}
			if err := b.Emit(t.Context(), raw("x")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAMonitoringPortThatIsNone(t *testing.T) {
	s := external(t, nil)
	b, err := Open(t.Context(), Options{URL: s.ClientURL(), MaxBytes: 256 << 20, Monitor: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if d := b.Durability(); d.Known || d.Synced {
		t.Errorf("it claims %+v", d)
	}
}

func TestAServerThatIsNotThereIsAnErrorInWords(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := Open(ctx, Options{URL: "nats://127.0.0.1:1"})
	if err == nil || !strings.Contains(err.Error(), "nats.url") {
		t.Errorf("it says %v", err)
	}
}

// certificate makes a self-signed one for the loopback address.
func certificate(t *testing.T) (file string, pair tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestTLS(t *testing.T) {
	ca, pair := certificate(t)
	s := external(t, func(o *server.Options) {
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	})
	url := strings.Replace(s.ClientURL(), "nats://", "tls://", 1)
	if b, err := Open(t.Context(), Options{URL: url}); err == nil {
		b.Close()
		t.Error("a certificate that nobody vouches for was accepted")
	}
	b, err := Open(t.Context(), Options{URL: url, CA: ca, MaxBytes: 256 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Emit(t.Context(), raw("x")); err != nil {
		t.Error(err)
	}
}

// Three servers, three copies: what is confirmed outlives the one that is lost.
func TestReplicasOutliveAServer(t *testing.T) {
	routes := make([]string, 3)
	for i := range routes {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		routes[i] = "nats://" + l.Addr().String()
		l.Close()
	}
	var servers []*server.Server
	var urls []string
	var wg sync.WaitGroup
	made := make([]*server.Server, 3)
	for i := range routes {
		wg.Go(func() {
			made[i] = external(t, func(o *server.Options) {
				o.ServerName, o.SyncAlways = fmt.Sprint("n", i), true
				o.Cluster = server.ClusterOpts{Name: "river", Host: "127.0.0.1"}
				_, port, _ := net.SplitHostPort(strings.TrimPrefix(routes[i], "nats://"))
				fmt.Sscan(port, &o.Cluster.Port)
				o.Routes = server.RoutesFromStr(strings.Join(routes, ","))
			})
		})
	}
	wg.Wait()
	servers = append(servers, made...)
	for _, s := range servers {
		urls = append(urls, s.ClientURL())
	}
	poll(t, func() bool {
		for _, s := range servers {
			if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == 3 {
				return true
			}
		}
		return false
	})
	var b *Bus
	poll(t, func() bool {
		var err error
		b, err = Open(t.Context(), Options{URL: strings.Join(urls, ","), Replicas: 3, MaxBytes: 256 << 20, Timeout: 2 * time.Second})
		return err == nil
	})
	defer b.Close()
	// A stream of an older Mekong is compressed; it does not stay so.
	old, err := b.js.Stream(t.Context(), streamRaw)
	if err != nil {
		t.Fatal(err)
	}
	was := old.CachedInfo().Config
	was.Compression = jetstream.S2Compression
	if _, err := b.js.UpdateStream(t.Context(), was); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), b.opts)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if b.pub.grouped {
		t.Error("a replicated stream groups its flushes by itself; batches only cost")
	}
	if err := b.Emit(t.Context(), raw("before")); err != nil {
		t.Fatal(err)
	}
	st, err := b.js.Stream(t.Context(), streamRaw)
	if err != nil {
		t.Fatal(err)
	}
	if how := st.CachedInfo().Config.Compression; how != jetstream.NoCompression {
		t.Errorf("a replicated stream is kept with %v", how)
	}
	leader := st.CachedInfo().Cluster.Leader
	for _, s := range servers {
		if s.Name() == leader {
			s.Shutdown()
		}
	}
	poll(t, func() bool { return b.Emit(t.Context(), raw("after")) == nil })
	q, err := b.Raws(t.Context(), QueueOptions{})
	for err != nil {
		q, err = b.Raws(t.Context(), QueueOptions{})
	}
	got := map[string]int{}
	for _, d := range take(t, q, 2) {
		got[d.Value.ID]++
	}
	if got["before"] != 1 || got["after"] != 1 {
		t.Errorf("after losing %s the stream holds %v", leader, got)
	}
}
