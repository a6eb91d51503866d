package muxpool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// attempt is how an attempt to connect to one address ends: after so long, with an error
// or not; zero: never.
type attempt struct {
	after time.Duration
	fails bool
}

// TestRace: all addresses of a name are tried in time, one beside the other where one is
// slow, and no connection is left but the one that won.
func TestRace(t *testing.T) {
	const delay = 250 * time.Millisecond
	never := attempt{}
	for _, row := range []struct {
		name     string
		attempts []attempt
		won      bool
		after    time.Duration
		began    int
	}{
		{"the first is good", []attempt{{time.Millisecond, false}, {time.Millisecond, false}}, true, time.Millisecond, 1},
		{"the first is silent", []attempt{never, {time.Millisecond, false}}, true, delay + time.Millisecond, 2},
		{"the first refuses", []attempt{{time.Millisecond, true}, {time.Millisecond, false}}, true, 2 * time.Millisecond, 2},
		{"the first is slow, and wins", []attempt{{delay + 1, false}, {time.Second, false}}, true, delay + 1, 2},
		{"two are silent", []attempt{never, never, {time.Millisecond, false}}, true, 2*delay + time.Millisecond, 3},
		{"silent, refuses, good", []attempt{never, {1, true}, {1, false}}, true, delay + 2, 3},
		{"both at once", []attempt{{delay + 1, false}, {1, false}}, true, delay + 1, 2},
		{"all refuse", []attempt{{1, true}, {1, true}}, false, 2, 2},
		{"all are silent", []attempt{never, never}, false, time.Second, 2},
		{"one refuses late, one is silent", []attempt{{delay + 1, true}, never}, false, time.Second, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				pipes := make([]net.Conn, len(row.attempts))
				began, waiting := 0, 0
				var mu sync.Mutex // guards all three
				start := time.Now()
				nc, err := race(ctx, len(row.attempts), delay, func(ctx context.Context, i int) (net.Conn, error) {
					mu.Lock()
					if began++; i != began-1 {
						t.Errorf("attempt %d began as number %d", i, began)
					}
					a := row.attempts[i]
					if a == never {
						waiting++
					}
					mu.Unlock()
					if a == never {
						<-ctx.Done()
						mu.Lock()
						waiting--
						mu.Unlock()
						return nil, fmt.Errorf("address %d: %w", i, ctx.Err())
					}
					time.Sleep(a.after)
					if a.fails {
						return nil, fmt.Errorf("address %d: refused", i)
					}
					mu.Lock()
					defer mu.Unlock()
					var ours net.Conn
					ours, pipes[i] = net.Pipe()
					return ours, nil
				})
				d := time.Since(start)
				synctest.Wait()
				mu.Lock()
				if waiting != 0 {
					t.Errorf("%d attempts go on when it is decided", waiting)
				}
				mu.Unlock()
				time.Sleep(time.Second) // the others' ends
				mu.Lock()
				defer mu.Unlock()
				if d != row.after || began != row.began {
					t.Errorf("after %v and %d attempts, want %v and %d", d, began, row.after, row.began)
				}
				if (nc != nil) != row.won || (err == nil) != (nc != nil) {
					t.Fatalf("won %v, error %v", nc != nil, err)
				}
				for i := range row.attempts {
					if nc == nil && !strings.Contains(err.Error(), fmt.Sprintf("address %d", i)) {
						t.Errorf("address %d is not in %v", i, err)
					}
				}
				open := 0
				for _, p := range pipes {
					if p == nil {
						continue
					}
					p.SetReadDeadline(time.Now())
					if _, err := p.Read(make([]byte, 1)); isTimeout(err) {
						open++
					}
					p.Close()
				}
				if want := map[bool]int{true: 1}[nc != nil]; open != want {
					t.Errorf("%d connections are open, want %d", open, want)
				}
			})
		})
	}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// TestSameFamily: from an address of one family the other's are not tried.
func TestSameFamily(t *testing.T) {
	all := func() []netip.Addr {
		return []netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::ffff:127.0.0.2")}
	}
	for local, want := range map[string]string{
		"":              "[::1 127.0.0.1 ::ffff:127.0.0.2]",
		":0":            "[::1 127.0.0.1 ::ffff:127.0.0.2]",
		"127.0.0.9:0":   "[127.0.0.1 ::ffff:127.0.0.2]",
		"[2001:db8::]:": "[::1]",
	} {
		for _, network := range []string{"tcp", "udp"} {
			var from net.Addr
			if local != "" {
				var err error
				if from, err = resolveLocal(network, local); err != nil {
					t.Fatal(err)
				}
			}
			if got := fmt.Sprint(sameFamily(all(), from)); got != want {
				t.Errorf("%s from %q: %v, want %v", network, local, got, want)
			}
		}
	}
}

// TestNameWithTwoAddresses: on sockets, of which the first refuses.
func TestNameWithTwoAddresses(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	opts := NewGetOptions()
	opts.WithFrameParser(worldParser{})
	key, err := opts.key(Node{"tcp4", "two.test:" + port})
	if err != nil {
		t.Fatal(err)
	}
	d := newDialer(key, &poolOptions{dialTimeout: time.Hour, keepAlive: time.Second})
	asked := ""
	d.lookup = func(_ context.Context, network, host string) ([]netip.Addr, error) {
		asked = network + " " + host
		return []netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("127.0.0.1")}, nil
	}
	nc, _, err := d.dial(t.Context(), "") // to ::1 on tcp4: no suitable address
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	if asked != "ip4 two.test" {
		t.Errorf("looked up %q", asked)
	}
	d.lookup = func(context.Context, string, string) ([]netip.Addr, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "two.test", IsNotFound: true}
	}
	var dns *net.DNSError
	if _, _, err := d.dial(t.Context(), ""); !errors.As(err, &dns) || !dns.IsNotFound {
		t.Errorf("a name that is not there: %v", err)
	}
}

// TestAddressesWithoutAName: what is no name is not looked up, and what is no address is told as that.
func TestAddressesWithoutAName(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	path := t.TempDir() + "/peer:1" // which has the looks of a name with a port
	unix, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	for _, row := range []struct {
		network, address, local string
		said                    string // of its error; empty: it connects
	}{
		{"tcp", "127.0.0.1:" + port, "", ""},
		{"tcp", ":" + port, "", ""},
		{"unix", path, "", ""},
		{"tcp", "peer", "", "missing port"},
		{"tcp", "127.0.0.1:" + port, "nowhere", "missing port"},
		{"tcp", "127.0.0.1:" + port, "nowhere:1", "nowhere"},
	} {
		d := &dialer{key: nodeKey{Identity: Identity{local: row.local}}, timeout: time.Hour}
		d.lookup = func(_ context.Context, _, host string) ([]netip.Addr, error) {
			t.Errorf("%s %q: %q is looked up", row.network, row.address, host)
			return nil, errors.New("no such host")
		}
		nc, err := d.dialNet(t.Context(), row.network, row.address, "")
		if nc != nil {
			nc.Close()
		}
		if (nc != nil) != (row.said == "") || (err == nil) != (nc != nil) || err != nil && !strings.Contains(err.Error(), row.said) {
			t.Errorf("%s %q from %q: connected %v, %v, want an error that says %q", row.network, row.address, row.local, nc != nil, err, row.said)
		}
	}
}

// TestNameOfAnotherFamily: where none of a name's addresses can be reached from the local one, that is left
// to package net, which knows the name better, or says what is wrong.
func TestNameOfAnotherFamily(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	d := &dialer{key: nodeKey{Identity: Identity{local: "127.0.0.1:0"}}, timeout: time.Hour}
	d.lookup = func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("::1")}, nil
	}
	nc, err := d.dialNet(t.Context(), "tcp", "localhost:"+port, "")
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}
