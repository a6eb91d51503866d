//go:build unix

package muxtest

import (
	"net"
	"testing"
)

func TestProcess(t *testing.T) {
	p, err := StartProcess("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ask := func() error {
		nc, err := net.Dial("tcp", p.Addr())
		if err != nil {
			return err
		}
		defer nc.Close()
		call(nc, 1)
		_, err = ReadFrame(nc)
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	if s, err := p.Do("stats"); err != nil || s.Calls != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	if _, err := p.Do("delay 1ms"); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("tcp", p.Addr()) // the kernel still accepts
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	if err := p.Continue(); err != nil {
		t.Fatal(err)
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	address := p.Addr()
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := ask(); err == nil {
		t.Fatal("a killed process answered")
	}
	if err := p.Restart(); err != nil || p.Addr() != address {
		t.Fatal(err, p.Addr())
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
}
