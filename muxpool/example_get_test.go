package muxpool_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// exampleGet opens a MuxConn of a peer in memory that does act, with the options that set sets.
func exampleGet(act muxtest.Action, set func(*muxpool.GetOptions)) (mc muxpool.MuxConn, end func(), err error) {
	peer := muxtest.NewPeer(act)
	pool, err := muxpool.New(muxpool.WithDialContext(peer.DialContext))
	if err != nil {
		return nil, func() { peer.Close() }, err
	}
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(muxtest.Parser{})
	set(&opts)
	mc, err = pool.GetMuxConn(context.Background(), "tcp", "peer:1", opts)
	return mc, func() { pool.Close(); peer.Close() }, err
}

// A MuxConn that ends by itself: this costs no timer.
func ExampleGetOptions_WithTimeout() {
	mc, end, err := exampleGet(muxtest.Drop, func(o *muxpool.GetOptions) {
		o.WithTimeout(20 * time.Millisecond)             // from the Get on
		o.WithDeadline(time.Now().Add(50 * time.Minute)) // the earlier one counts
	})
	defer end()
	if err == nil { // else the Get itself has taken that long
		_, err = exampleCall(mc, "hello")
	}
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output: true
}

// An id of one's own, where the protocol needs a certain one.
func ExampleGetOptions_WithVID() {
	mc, end, err := exampleGet(muxtest.Echo, func(o *muxpool.GetOptions) { o.WithVID(7) })
	defer end()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(mc.VID())
	fmt.Println(exampleCall(mc, "hello"))
	// Output:
	// 7
	// hello <nil>
}

// A frame that nobody answers: its id is free at once.
func ExampleGetOptions_WithOneWay() {
	mc, end, err := exampleGet(muxtest.Drop, func(o *muxpool.GetOptions) { o.WithOneWay() })
	defer end()
	if err != nil {
		fmt.Println(err)
		return
	}
	err = mc.Write(muxtest.AppendFrame(nil, muxtest.Frame{ID: mc.VID(), Body: []byte("a line of a log")}))
	mc.Close()
	fmt.Println(err)
	// Output: <nil>
}

// Several frames that ask for one answer together.
func ExampleGetOptions_WithStream() {
	last := func(c *muxtest.Conn, f muxtest.Frame) {
		if string(f.Body) == "end" {
			_ = c.Reply(f)
		}
	}
	mc, end, err := exampleGet(last, func(o *muxpool.GetOptions) { o.WithStream() })
	defer end()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, part := range []string{"a", "b"} {
		if err := mc.Write(muxtest.AppendFrame(nil, muxtest.Frame{ID: mc.VID(), Body: []byte(part)})); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(exampleCall(mc, "end"))
	// Output: end <nil>
}

// A call that moves much has a connection apart from the others'.
func ExampleGetOptions_WithBulk() {
	mc, end, err := exampleGet(muxtest.Echo, func(o *muxpool.GetOptions) { o.WithBulk(true) })
	defer end()
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := exampleCall(mc, string(make([]byte, 1<<20)))
	fmt.Println(len(answer), err)
	// Output: 1048576 <nil>
}

// TLS from files, which are read at each dial, and from a configuration.
func ExampleGetOptions_WithDialTLS() {
	authority, ca, address, end, err := exampleTLS()
	defer end()
	if err != nil {
		fmt.Println(err)
		return
	}
	pool, err := muxpool.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()

	files := muxpool.NewGetOptions()
	files.WithFrameParser(muxtest.Parser{})
	files.WithDialTLS("", "", ca, "sum.internal") // no certificate of the client's; whom to trust; the server's name

	config := muxpool.NewGetOptions()
	config.WithFrameParser(muxtest.Parser{})
	config.WithTLSConfig(&tls.Config{RootCAs: authority.Pool(), ServerName: "sum.internal"}) // share one value
	config.WithLocalAddr("127.0.0.1:0")                                                      // where to connect from

	for _, opts := range []muxpool.GetOptions{files, config} {
		mc, err := pool.GetMuxConn(context.Background(), "tcp", address, opts)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(exampleCall(mc, "hello"))
		mc.Close()
	}
	// Output:
	// hello <nil>
	// hello <nil>
}

// exampleTLS starts a peer that is sum.internal, and returns who vouches for it.
func exampleTLS() (authority *muxtest.Authority, ca, address string, end func(), err error) {
	end = func() {}
	if authority, err = muxtest.NewAuthority(); err != nil {
		return nil, "", "", end, err
	}
	certificate, err := authority.Issue("sum.internal")
	if err != nil {
		return nil, "", "", end, err
	}
	dir, err := os.MkdirTemp("", "muxpool")
	if err != nil {
		return nil, "", "", end, err
	}
	peer := muxtest.NewPeer(nil)
	end = func() { peer.Close(); os.RemoveAll(dir) }
	if ca, err = authority.WriteCA(dir); err == nil {
		address, err = peer.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	}
	return authority, ca, address, end, err
}
