package main

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// Zones are parted without a word to who sends, and united.
func TestZonesAreParted(t *testing.T) {
	zones, partable := newZones()
	defer endZones(zones)
	if partable != nil {
		t.Skip("the zones cannot be parted: ", partable)
	}
	var l net.Listener
	in := func(z *zone, f func() error) {
		t.Helper()
		if err := z.thread.do(f); err != nil {
			t.Fatalf("%s: %v", z.name, err)
		}
	}
	there := zones[1]
	in(there, func() (err error) {
		l, err = net.Listen("tcp", net.JoinHostPort(there.host, "0"))
		return err
	})
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	dial := func(z *zone, most time.Duration) (c net.Conn, err error) {
		return c, z.thread.do(func() error {
			c, err = net.DialTimeout("tcp", l.Addr().String(), most)
			return err
		})
	}
	says := func(c net.Conn, most time.Duration) error {
		err := c.SetDeadline(time.Now().Add(most))
		if err == nil {
			_, err = c.Write([]byte("x"))
		}
		if err == nil {
			_, err = c.Read(make([]byte, 1))
		}
		return err
	}
	c, err := dial(zones[0], patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := says(c, patience); err != nil {
		t.Fatal(err)
	}
	if err := part(zones); err != nil {
		t.Fatal(err)
	}
	if err := says(c, 300*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("parted: %v, on a connection that was there", err)
	}
	var late net.Error
	if _, err := dial(zones[0], 300*time.Millisecond); !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("parted: %v, of another", err)
	}
	own, err := dial(there, patience)
	if err != nil {
		t.Fatalf("in the zone itself: %v", err)
	}
	own.Close()
	if err := unite(zones); err != nil {
		t.Fatal(err)
	}
	again, err := dial(zones[0], patience)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
