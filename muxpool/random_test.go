package muxpool_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// The randomised test takes its seed from MUXPOOL_SEED, else from the clock, and
// logs it; MUXPOOL_EXCHANGES says how many exchanges it makes.
const defaultExchanges = 10_000

func seed(t *testing.T) uint64 {
	s := uint64(time.Now().UnixNano())
	if env := os.Getenv("MUXPOOL_SEED"); env != "" {
		n, err := strconv.ParseUint(env, 10, 64)
		if err != nil {
			t.Fatal("MUXPOOL_SEED: ", err)
		}
		s = n
	}
	t.Logf("MUXPOOL_SEED=%d", s)
	return s
}

// TestRandom: three peers delay, reorder, drop, reset, answer late, twice and
// after cancel. Every exchange ends once, with its own answer or an error, and in
// memory in time; what an error calls not sent was never seen by a peer.
func TestRandom(t *testing.T) {
	seed, target := seed(t), int64(world.EnvInt("MUXPOOL_EXCHANGES", defaultExchanges))/2
	if target > defaultExchanges {
		bounded.Long(t)
	}
	world.AtOnce(t, map[string]func(*testing.T){
		"memory": func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testRandom(&random{t: t, seed: seed, target: target}, false) })
		},
		"sockets": func(t *testing.T) { testRandom(&random{t: t, seed: seed, target: target}, true) },
	})
}

func testRandom(r *random, sockets bool) {
	t := r.t
	r.peers(sockets)
	start := time.Now()
	var callers sync.WaitGroup
	for i := range 48 {
		callers.Go(func() { r.caller(uint64(i)) })
	}
	bounded.Wait(t, callers.Wait)
	t.Logf("%d exchanges in %v: %d answered, %d failed, stats %+v", r.done.Load(), time.Since(start),
		r.tally.OK(), len(r.tally.Errors()), r.pool.Stats().Counters)
	for text, n := range r.causes() {
		t.Logf("%6d %s", n, text)
	}
	r.checkClaims()
	overstay, least := 100*time.Millisecond, int(r.target/2)
	if sockets { // where both are up to the machine
		overstay, least = math.MaxInt64, 1
	}
	if err := r.tally.Check(overstay); err != nil {
		t.Error(err)
	}
	if r.tally.OK() < least {
		t.Errorf("only %d of %d exchanges were answered", r.tally.OK(), r.done.Load())
	}
}

// random is the randomised test.
type random struct {
	t      *testing.T
	seed   uint64
	target int64 // exchanges to make
	done   atomic.Int64
	pool   *muxpool.Multiplexed
	nodes  []muxtest.Caller
	all    []*muxtest.Peer
	tally  muxtest.Tally
	seen   seenNonces

	mu      sync.Mutex // guards notSent
	notSent map[uint64]error
}

// peers starts three peers and the pool, and calls them by parsers of three
// kinds.
func (r *random) peers(sockets bool) {
	r.seen.set, r.notSent = make(map[uint64]struct{}), make(map[uint64]error)
	network := make(muxtest.Network)
	parsers := []muxpool.FrameParser{world.Alive{}, world.Spaced{IDs: muxtest.IDs8}, muxtest.PlainParser{}}
	opts := world.Settings(
		muxpool.WithKeepAlive(200*time.Millisecond), muxpool.WithMaxVirConnsPerConn(100),
		muxpool.WithIdleTimeout(50*time.Millisecond), muxpool.WithMaxIdleConnsPerHost(3), muxpool.WithMaxConnAge(100*time.Millisecond))
	addresses := make([]string, len(parsers))
	for i := range parsers {
		p := muxtest.NewPeer(r.seen.note(muxtest.Calls(r.chaos(uint64(i), parsers[i]))))
		r.all = append(r.all, p)
		r.t.Cleanup(func() { p.Close() })
		addresses[i] = fmt.Sprintf("peer%d:1", i)
		network[addresses[i]] = p
		if sockets {
			address, err := p.Listen("tcp", "127.0.0.1:0", nil)
			if err != nil {
				r.t.Fatal(err)
			}
			addresses[i] = address
		}
	}
	if !sockets {
		opts = append(opts, muxpool.WithDialContext(network.DialContext))
	}
	var err error
	if r.pool, err = muxpool.New(opts...); err != nil {
		r.t.Fatal(err)
	}
	r.pool.Subscribe(world.NoBug(r.t))
	r.t.Cleanup(func() { r.pool.Close() })
	for i, address := range addresses {
		r.nodes = append(r.nodes, muxtest.NewCaller(r.pool, "tcp", address, parsers[i]))
	}
}

// chaos is what one peer does. Where ids are few, a second answer to one may
// come when it is in use again, and no pool could tell; where frames have no
// kinds, a request to go away is an answer.
func (r *random) chaos(i uint64, parser muxpool.FrameParser) muxtest.Action {
	const ms = time.Millisecond
	choices := []muxtest.Choice{
		{Weight: 6000, Do: muxtest.Echo},
		{Weight: 1500, Do: muxtest.Reorder},
		{Weight: 1000, Do: muxtest.Delay(ms)},
		{Weight: 300, Do: muxtest.Delay(10 * ms)}, // after those with little time have left
		{Weight: 10, Do: muxtest.Drop},
		{Weight: 5, Do: muxtest.Reset},
		{Weight: 5, Do: muxtest.AnswerAndClose},
		{Weight: 3, Do: muxtest.Close},
		{Weight: 3, Do: muxtest.CutReset(10)},
		{Weight: 3, Do: muxtest.Cut(muxtest.HeaderLen)},
		{Weight: 3, Do: muxtest.Garbage},
		{Weight: 2, Do: muxtest.HugeLength},
	}
	if _, few := parser.(muxpool.IDSpacer); !few {
		choices = append(choices,
			muxtest.Choice{Weight: 500, Do: muxtest.Duplicate},
			muxtest.Choice{Weight: 300, Do: muxtest.DelayTwice(5 * ms)},
			muxtest.Choice{Weight: 100, Do: muxtest.UnknownID})
	}
	if _, kinds := parser.(muxpool.FrameClassifier); kinds {
		choices = append(choices, muxtest.Choice{Weight: 2, Do: muxtest.GoingAway})
	}
	return muxtest.Chaos(r.seed+i, choices...)
}

// caller makes exchanges until the target is reached.
func (r *random) caller(i uint64) {
	rng := rand.New(rand.NewPCG(r.seed, 1000+i))
	for n := uint64(0); r.done.Add(1) <= r.target; n++ {
		r.exchange(rng, i<<40|n)
	}
}

// causes counts the errors by what they are.
func (r *random) causes() map[string]int {
	kinds := []error{context.Canceled, context.DeadlineExceeded, muxpool.ErrProtocol, muxpool.ErrFrameTooLarge, muxpool.ErrStalled,
		muxpool.ErrKeepAliveTimeout, muxpool.ErrConnLost, muxpool.ErrConnectionsHaveBeenExpelled, muxpool.ErrSendQueueFull}
	count := make(map[string]int)
	for _, err := range r.tally.Errors() {
		text := err.Error()
		for _, kind := range kinds {
			if errors.Is(err, kind) {
				text = kind.Error()
				break
			}
		}
		var e *muxpool.Error
		if errors.As(err, &e) {
			text = fmt.Sprintf("%s, sent %v: %s", e.Op, e.Sent(), text)
		}
		count[text]++
	}
	return count
}

// exchange makes one exchange, some of them with little time, some cancelled.
func (r *random) exchange(rng *rand.Rand, nonce uint64) {
	d := time.Duration(20+rng.IntN(2000)) * time.Millisecond
	if rng.IntN(30) == 0 {
		d = time.Duration(1+rng.IntN(5000)) * time.Microsecond
	}
	with := context.WithTimeout
	if rng.IntN(2) == 0 {
		with = deadline.WithTimeout
	}
	ctx, cancel := with(context.Background(), d)
	defer cancel()
	if rng.IntN(50) == 0 {
		time.AfterFunc(time.Duration(rng.IntN(2000))*time.Microsecond, cancel)
	}
	body := make([]byte, rng.IntN(100))
	if rng.IntN(100) == 0 {
		body = make([]byte, rng.IntN(100_000)) // by reference, over several reads
	}
	fill(body, nonce)
	caller := r.nodes[rng.IntN(len(r.nodes))]
	err := r.tally.Book(ctx, func() error { return exchangeWith(ctx, caller, nonce, body) })
	if err == nil || errors.Is(err, muxtest.ErrMismatch) {
		return
	}
	var e *muxpool.Error
	if !errors.As(err, &e) {
		r.t.Errorf("not the pool's own error: %#v", err)
	} else if !e.Sent() {
		r.claim(nonce, err)
	}
}

// exchangeWith makes an exchange with that nonce.
func exchangeWith(ctx context.Context, c muxtest.Caller, nonce uint64, body []byte) error {
	mc, err := c.Get(ctx)
	if err != nil {
		return err
	}
	defer mc.Close()
	call := muxtest.Frame{ID: mc.VID(), Nonce: nonce, Body: body}
	if nonce%2 == 0 {
		err = mc.Write(muxtest.AppendFrame(nil, call))
	} else {
		err = mc.(ownedWriter).WriteOwned(owned(call))
	}
	if err != nil {
		return err
	}
	return muxtest.Expect(mc, call)
}

// ownedWriter is what the pool's MuxConns can do beyond the interface.
type ownedWriter interface{ WriteOwned([]byte) error }

// owned returns a frame in pooled memory, which WriteOwned takes over: if it were
// given back too early, another call would write into it.
func owned(f muxtest.Frame) []byte {
	return muxtest.AppendFrame(wire.Alloc(muxtest.HeaderLen + len(f.Body))[:0], f)
}

// fill makes every byte of a body tell whose it is.
func fill(b []byte, nonce uint64) {
	var pattern [8]byte
	binary.BigEndian.PutUint64(pattern[:], nonce)
	for i := range b {
		b[i] = pattern[i%8] ^ byte(i)
	}
}
