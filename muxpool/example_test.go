package muxpool_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// The peers of these examples are in memory: WithDialContext reaches them. Without it the pool
// dials as net.Dialer does.

// exampleCall asks for one answer on mc.
func exampleCall(mc muxpool.MuxConn, body string) (string, error) {
	if err := mc.Write(muxtest.AppendFrame(nil, muxtest.Frame{ID: mc.VID(), Body: []byte(body)})); err != nil {
		return "", err
	}
	answer, err := mc.Read()
	if err != nil {
		return "", err
	}
	f, err := muxtest.DecodeFrame(answer)
	return string(f.Body), err
}

// A call: a MuxConn, a frame with its id, and the frame that answers it.
func Example() {
	peer := muxtest.NewPeer(nil) // answers everything
	defer peer.Close()
	pool, err := muxpool.New(
		muxpool.WithConnectNumber(1), // of each node; default 2
		muxpool.WithDialContext(peer.DialContext))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()

	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(muxtest.Parser{}) // of the protocol
	mc, err := pool.GetMuxConn(context.Background(), "tcp", "peer:1", opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer mc.Close()
	fmt.Println(exampleCall(mc, "hello"))
	// Output: hello <nil>
}

// What makes no sense is told, all of it, by name.
func ExampleNew_invalid() {
	_, err := muxpool.New(
		muxpool.WithConnectNumber(4), muxpool.WithMaxConnsPerHost(2),
		muxpool.WithReconnect(5, time.Second, time.Millisecond)) // attempts, the first wait, the longest
	fmt.Println(errors.Is(err, muxpool.ErrInvalidOption))
	fmt.Println(err)
	// Output:
	// true
	// muxpool: invalid option: WithMaxConnsPerHost(2) is less than WithConnectNumber(4)
	// muxpool: invalid option: WithReconnect: limit 1ms is less than initial 1s
}

// How many calls a connection carries, and how many connections there are for more.
func ExampleNew_calls() {
	peer := muxtest.NewPeer(nil)
	defer peer.Close()
	pool, err := muxpool.New(
		muxpool.WithConnectNumber(1),
		muxpool.WithMaxVirConnsPerConn(2),  // calls on a connection
		muxpool.WithMaxIdleConnsPerHost(1), // the node grows; unused connections beyond one are closed
		muxpool.WithMaxConnsPerHost(2),     // and it grows no further
		muxpool.WithDialContext(peer.DialContext))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(muxtest.Parser{})
	for range 4 {
		if _, err := pool.GetMuxConn(context.Background(), "tcp", "peer:1", opts); err != nil {
			fmt.Println(err)
		}
	}
	opts.WithTimeout(50 * time.Millisecond)
	_, err = pool.GetMuxConn(context.Background(), "tcp", "peer:1", opts)
	fmt.Println("the fifth waited in vain:", errors.Is(err, context.DeadlineExceeded))
	fmt.Println("connections:", peer.Stats().Accepted)
	// Output:
	// the fifth waited in vain: true
	// connections: 2
}

// How much memory a peer, and a caller who does not read, can make the pool use.
func ExampleNew_memory() {
	peer := muxtest.NewPeer(nil)
	defer peer.Close()
	pool, err := muxpool.New(
		muxpool.WithMaxFrameSize(64<<10),          // of one frame, both ways
		muxpool.WithMaxAnswerSize(1<<20),          // of an answer of several frames
		muxpool.WithRecvLimit(256<<10),            // unread, of one MuxConn
		muxpool.WithRecvWait(50*time.Millisecond), // so long a connection waits for who does not read
		muxpool.WithQueueSize(128),                // frames that wait to be written
		muxpool.WithDropFull(true),                // beyond that a Write fails, and does not wait
		muxpool.WithDialContext(peer.DialContext))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(muxtest.Parser{})
	mc, err := pool.GetMuxConn(context.Background(), "tcp", "peer:1", opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer mc.Close()
	_, err = exampleCall(mc, string(make([]byte, 64<<10)))
	fmt.Println(errors.Is(err, muxpool.ErrFrameTooLarge))
	// Output: true
}

// keeping is a protocol with a sign of life.
type keeping struct {
	muxtest.Parser
	muxtest.Kinds
	muxtest.KeepAlive
}

// How long the pool waits, and for what.
func ExampleNew_times() {
	peer := muxtest.NewPeer(muxtest.Drop) // is silent
	defer peer.Close()
	pool, err := muxpool.New(
		muxpool.WithDialTimeout(500*time.Millisecond), // one attempt to connect, with its handshakes
		muxpool.WithKeepAlive(20*time.Millisecond),    // of silence, then the peer is asked; half of it more, and it is given up
		muxpool.WithStallTimeout(time.Second),         // of calls that end unanswered, for protocols without a sign of life
		muxpool.WithWriteTimeout(time.Second),         // of a write that the peer does not take
		muxpool.WithIdleTimeout(time.Minute),          // of a connection that nobody uses
		muxpool.WithMaxConnAge(time.Hour),             // of any connection
		muxpool.WithDialContext(peer.DialContext))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(keeping{})
	mc, err := pool.GetMuxConn(context.Background(), "tcp", "peer:1", opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer mc.Close()
	_, err = exampleCall(mc, "hello")
	fmt.Println(errors.Is(err, muxpool.ErrKeepAliveTimeout))
	// Output: true
}

// Connections that are there before the first call.
func ExampleWithPreWarm() {
	peer := muxtest.NewPeer(nil)
	defer peer.Close()
	connected := make(chan struct{})
	peer.OnAccept(func(*muxtest.Conn) { close(connected) })
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(muxtest.Parser{})
	pool, err := muxpool.New(
		muxpool.WithPreWarm("tcp", "peer:1", opts),
		muxpool.WithConnectNumber(1),
		muxpool.WithDialContext(peer.DialContext))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	<-connected
	fmt.Println("connected, and nobody has called")
	// Output: connected, and nobody has called
}
