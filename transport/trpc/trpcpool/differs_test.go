package trpcpool_test

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trpc.group/trpc-go/trpc-go/pool/multiplexed"

	"github.com/muxkit/muxkit/internal/pages"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// stories are rows of the page's table "What behaves differently", by their first column:
// what is seen of each pool.
var stories = map[string]struct {
	of       func(t *testing.T, s *side) string
	old, new string
}{
	"ids":                                             {twoWithoutID, "the older fails", "both are answered"},
	"an explicit id that is in use":                   {twoWithOneID, "the older fails", "the newer fails"},
	"a caller that leaves before the answer":          {leavesAndAnother, "the next caller gets it", "the id is not free"},
	"errors compared with `==`":                       {comparedErrors, "canceled true, EOF true", "canceled false, EOF false"},
	"a call without an answer (`SendOnly`)":           {sendOnly, "nothing is kept", "10 ids are kept, 0 with WithOneWay"},
	"which connection takes a call":                   {whichTakesACall, "5 of 10 behind a call that waits", "0 of 10 behind a call that waits"},
	"when a lost connection is redialed":              {redialed, "unused: redialed; in use: redialed", "unused: left; in use: redialed"},
	"TLS settings, parser, local address":             {twoParsers, "the first caller's parser", "the own parser"},
	"client certificate without a CA":                 {certificateWithoutCA, "plaintext", "TLS"},
	"all connections full (`WithMaxVirConnsPerConn`)": {allFull, "5 connections", "1 connection, 4 wait"},
	"UDP": {forgedDatagram, "the forged answer", "the answer"},
}

// races are the rows in which the old pool's own reconnecting races with its readers.
var races = []string{"errors compared with `==`", "when a lost connection is redialed"}

// elsewhere are the other rows: which test shows what muxpool does.
var elsewhere = map[string]string{
	"the slice given to `Write`":              "TestWrittenSliceMayBeReused",
	"a lost connection":                       "TestFault_StalledHandshakeOrReconnect",
	"frames queued when a connection is lost": "TestFault_FailedFrameIsNotReplayed",
	"the first dial fails":                    "TestFault_FirstDialFails",
	"`GetMuxConn`":                            "TestFault_DialSharedByManyCallers",
	"a peer that closes an idle connection":   "TestFault_GracefulCloseIdle",
	"a peer that is connected and silent":     "TestFault_BlackHole",
	"frame size":                              "TestFault_FrameOverLimit",
	"unread frames":                           "TestFault_NeverRead",
	"closing the pool":                        "TestFault_CloseWith1000InFlight",
	"what happened":                           "TestEvents",
	"errors":                                  "TestSentIsATruth",
}

// TestWhatDiffers: what the page says of both pools is seen of both, on the same peer, and no
// row of it is without a test.
func TestWhatDiffers(t *testing.T) {
	_, table, _ := strings.Cut(pages.Read(t, "../../../docs/from-trpc-go.md"), "## What behaves differently")
	rows := 0
	for line := range strings.Lines(table) {
		name, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		if !ok || !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| |") {
			continue
		}
		rows++
		story, told := stories[name]
		if told == (elsewhere[name] != "") {
			t.Errorf("%q is shown by no test, or by two", name)
		}
		if !told {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if raceDetector && slices.Contains(races, name) {
				t.Log("pool/multiplexed: in a process without the race detector, below")
			} else if got := story.of(t, newSide(t, true)); got != story.old {
				t.Errorf("pool/multiplexed: %q, not %q", got, story.old)
			}
			if got := story.of(t, newSide(t, false)); got != story.new {
				t.Errorf("muxpool: %q, not %q", got, story.new)
			}
		})
	}
	if rows != len(stories)+len(elsewhere) {
		t.Errorf("the page has %d rows, there are %d tests", rows, len(stories)+len(elsewhere))
	}
	checkThere(t)
	if raceDetector {
		said, err := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-run=^TestWhatDiffers$", ".").CombinedOutput()
		if err != nil {
			t.Errorf("without the race detector: %v\n%s", err, said)
		}
	}
}

// checkThere looks for the tests of elsewhere.
func checkThere(t *testing.T) {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*_test.go", "../../../muxpool/*_test.go", "../../../muxpool/faulttest/*_test.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	for row, test := range elsewhere {
		if !slices.ContainsFunc(files, func(f string) bool { return strings.Contains(pages.Read(t, f), "\nfunc "+test+"(") }) {
			t.Errorf("%s: there is no %s", row, test)
		}
	}
}

// side is one of the two pools, and a peer of its own.
type side struct {
	old     bool
	peer    *muxtest.Peer
	hold    muxtest.Hold
	address string
	pool    *muxpool.Multiplexed // nil of the old one
	get     func(ctx context.Context, network, address string, how ask) (conn, error)
}

// conn is what the MuxConns of both have.
type conn interface {
	Write([]byte) error
	Read() ([]byte, error)
	Close()
}

// ask are the options of a Get.
type ask struct {
	id               uint32 // 0: none is given
	parser           muxpool.FrameParser
	oneWay           bool
	certificate, key string
}

func newSide(t *testing.T, old bool) *side {
	t.Helper()
	s := &side{old: old, peer: muxtest.NewPeer(nil)}
	t.Cleanup(func() { s.peer.Close() })
	address, err := s.peer.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	s.address = address
	s.make(t, 1, 0)
	return s
}

// make makes the pool, of so many connections, for so many calls on each.
func (s *side) make(t *testing.T, connections, calls int) {
	t.Helper()
	if s.old {
		pool := multiplexed.New(multiplexed.WithConnectNumber(connections), multiplexed.WithMaxVirConnsPerConn(calls))
		s.get = func(ctx context.Context, network, address string, how ask) (conn, error) {
			opts := multiplexed.NewGetOptions()
			opts.WithFrameParser(how.parser)
			opts.WithVID(how.id)
			opts.WithDialTLS(how.certificate, how.key, "", "")
			return pool.GetMuxConn(ctx, network, address, opts)
		}
		return
	}
	pool, err := muxpool.New(muxpool.WithConnectNumber(connections), muxpool.WithMaxVirConnsPerConn(calls))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	s.pool = pool
	s.get = func(ctx context.Context, network, address string, how ask) (conn, error) {
		opts := muxpool.NewGetOptions()
		opts.WithFrameParser(how.parser)
		if how.id != 0 {
			opts.WithVID(how.id)
		}
		if how.oneWay {
			opts.WithOneWay()
		}
		opts.WithDialTLS(how.certificate, how.key, "", "")
		mc, err := pool.GetMuxConn(ctx, network, address, opts)
		if err != nil {
			return nil, err
		}
		return mc, nil
	}
}

// open is a MuxConn of the peer on which a call was written, with its id for a nonce.
func (s *side) open(t *testing.T, ctx context.Context, how ask, body string) conn {
	t.Helper()
	mc, err := s.tryOpen(ctx, how, body)
	if err != nil {
		t.Fatal(err)
	}
	return mc
}

func (s *side) tryOpen(ctx context.Context, how ask, body string) (conn, error) {
	if how.parser == nil {
		how.parser = muxtest.Parser{}
	}
	mc, err := s.get(ctx, "tcp", s.address, how)
	if err != nil {
		return nil, err
	}
	id := how.id
	if v, ok := mc.(muxpool.MuxConn); ok {
		id = v.VID()
	}
	return mc, mc.Write(muxtest.AppendFrame(nil, muxtest.Frame{Kind: muxtest.Call, ID: id, Body: []byte(body)}))
}

// call makes one.
func (s *side) call(ctx context.Context, id uint32) (string, error) {
	mc, err := s.tryOpen(ctx, ask{id: id}, "")
	if err != nil {
		return "", err
	}
	defer mc.Close()
	return read(mc)
}

// first drops what a call returned beside its error.
func first(_ string, err error) error { return err }

// read returns the body of the next frame.
func read(mc conn) (string, error) {
	b, err := mc.Read()
	if err != nil {
		return "", err
	}
	f, err := muxtest.DecodeFrame(b)
	return string(f.Body), err
}

// until waits for something that nobody tells.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for start := time.Now(); !is(); time.Sleep(time.Millisecond) {
		if time.Since(start) > waitTime {
			t.Fatalf("not in %v: %s", waitTime, what)
		}
	}
}

// within is a context of the test's that ends in time.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), waitTime)
	t.Cleanup(cancel)
	return ctx
}

func forgedDatagram(t *testing.T, s *side) string {
	own, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	stranger, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	mc, err := s.get(within(t), "udp", own.LocalAddr().String(), ask{id: 7, parser: muxtest.Parser{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := mc.Write(muxtest.AppendFrame(nil, muxtest.Frame{ID: 7})); err != nil {
		t.Fatal(err)
	}
	if err := own.SetDeadline(time.Now().Add(waitTime)); err != nil {
		t.Fatal(err)
	}
	var b [100]byte
	_, client, err := own.ReadFrom(b[:])
	if err != nil {
		t.Fatal(err)
	}
	answer := func(text string) []byte {
		return muxtest.AppendFrame(nil, muxtest.Frame{Kind: muxtest.Answer, ID: 7, Body: []byte(text)})
	}
	if _, err := stranger.WriteTo(answer("the forged answer"), client); err != nil {
		t.Fatal(err)
	}
	if _, err := own.WriteTo(answer("the answer"), client); err != nil {
		t.Fatal(err)
	}
	got, err := read(mc)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
