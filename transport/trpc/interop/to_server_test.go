package interop

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/trpc"
)

// The tests here call the real server with our Client.

func TestToServerBodyMetadataAttachment(t *testing.T) {
	c := newCaller(t, nil)
	body, value, beside := nonce(), nonce(), nonce()
	var answer transport.Metadata
	var head *trpc.Head
	c.Must("Echo", body,
		transport.ClientBefore(transport.SetRequestMetadata("nonce", value), func(ctx context.Context, m *transport.Message) context.Context {
			m.Tag = &trpc.Head{Attachment: []byte(beside)}
			return ctx
		}),
		transport.ClientAfter(func(ctx context.Context, m *transport.Message) context.Context {
			answer = m.Metadata
			head, _ = m.Tag.(*trpc.Head)
			return ctx
		}))
	if answer["nonce"] != value || answer["answered-by"] != "trpc-go" {
		t.Errorf("the answer's metadata is %v", answer)
	}
	if head == nil || string(head.Attachment) != beside {
		t.Errorf("the answer's head is %+v", head)
	}
	c.Must("Echo", "")
}

func TestToServerHeadAndTimeout(t *testing.T) {
	c := newCaller(t, nil)
	value := nonce()
	got := c.describe(transport.ClientBefore(transport.SetRequestMetadata("nonce", value)))
	if got.Func != Service+"Describe" || got.Caller != ours.Caller || got.Callee != "muxkit.Interop" ||
		got.ContentType != trpc.ContentNoop || got.RequestID == 0 || got.Metadata["nonce"] != value || got.RemainingMS != -1 {
		t.Errorf("the server saw %+v", got)
	}
	if got := c.describe(transport.ClientTimeout(patience)); got.RemainingMS <= 0 || got.RemainingMS > patience.Milliseconds() {
		t.Errorf("of %v the server has %d ms", patience, got.RemainingMS)
	}
	// What a hook spends is not told to the server as left.
	const spent = 20 * time.Millisecond
	spend := transport.ClientBefore(func(ctx context.Context, _ *transport.Message) context.Context {
		wait, cancel := context.WithTimeout(ctx, spent)
		defer cancel()
		<-wait.Done()
		return ctx
	})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	response, err := transport.NewClient(c.Pool, c.Node, ours, Service+"Describe", transport.EncodeBytes, transport.DecodeJSON[Seen], spend).Endpoint()(ctx, []byte(nil))
	if s, _ := response.(Seen); err != nil || s.RemainingMS <= 0 || s.RemainingMS > (patience-spent).Milliseconds() {
		t.Errorf("the server saw %+v, %v", response, err)
	}
}

// The real server answers nothing when the time that the caller stated is over:
// the call ends by its own clock, and the connection stays in use.
func TestToServerTimeout(t *testing.T) {
	c := newCaller(t, nil, muxpool.WithConnectNumber(1))
	c.Must("Echo", nonce())
	key := nonce()
	e := c.Refused("Hold", key, transport.ClientTimeout(500*time.Millisecond))
	if e.Code != transport.CodeDeadlineExceeded || e.Remote || !e.Sent() {
		t.Errorf("the call ends with %+v", e)
	}
	c.Must("Ended", key) // the server's context ended too
	c.Must("Echo", nonce())
	c.DialedOnce()
}

func TestToServerFrameworkCodes(t *testing.T) {
	c := newCaller(t, nil)
	for ret, code := range map[int]transport.Code{
		1: transport.CodeInvalidArgument, 2: transport.CodeInternal, 11: transport.CodeUnimplemented,
		21: transport.CodeDeadlineExceeded, 22: transport.CodeResourceExhausted, 23: transport.CodeResourceExhausted,
		31: transport.CodeInternal, 41: transport.CodeUnauthenticated, 51: transport.CodeInvalidArgument,
		101: transport.CodeDeadlineExceeded, 111: transport.CodeInternal, 161: transport.CodeCanceled, 999: transport.CodeUnknown,
	} {
		e := c.Refused("Framework", strconv.Itoa(ret))
		if e.Verdict().SafeToRetry() {
			t.Errorf("ret %d promises that the call was not run", ret) // trpc-go's handlers may return any number
		}
		if e.Code != code || e.Status != ret || !e.Remote || e.Business() || e.Message != fmt.Sprint("framework ", ret) {
			t.Errorf("ret %d gives %+v", ret, e)
		}
	}
	if e := c.Refused("Nothing"+nonce(), ""); e.Code != transport.CodeUnimplemented || e.Status != 12 || !e.Remote {
		t.Errorf("an unknown function gives %+v", e)
	}
	c.Must("Echo", nonce())
}

func TestToServerBusinessCodes(t *testing.T) {
	c := newCaller(t, nil)
	for _, status := range []int{1, 12, 10007, -3} {
		e := c.Refused("Business", strconv.Itoa(status))
		if !e.Business() || e.Status != status || !e.Remote || e.Message != fmt.Sprint("business ", status) {
			t.Errorf("func_ret %d gives %+v", status, e)
		}
	}
	value := nonce() // an error without a code is trpc-go's func_ret 999
	if e := c.Refused("Plain", value); !e.Business() || e.Status != 999 || e.Message != "plain "+value {
		t.Errorf("a plain error gives %+v", e)
	}
}

func TestToServerOutOfOrder(t *testing.T) {
	bothTransports(t, func(t *testing.T, args []string) {
		c := newCaller(t, args, muxpool.WithConnectNumber(1))
		c.Holds()
	})
}

func TestToServerOneWay(t *testing.T) {
	c := newCaller(t, nil, muxpool.WithConnectNumber(1))
	key := nonce()
	if got, err := c.Call("Note", key, transport.ClientOneWay()); got != "" || err != nil {
		t.Fatalf("a one-way call gives %q, %v", got, err)
	}
	c.Must("Arrived", key)
	for range 100 { // an answer to the one-way call would be counted
		c.Must("Echo", nonce())
	}
	c.NothingUnasked()
}

func Test64CallersToServer(t *testing.T) {
	bothTransports(t, func(t *testing.T, args []string) {
		c := newCaller(t, args)
		var group sync.WaitGroup
		for range 64 {
			group.Go(func() {
				for range 50 {
					c.echo()
				}
			})
		}
		bounded.Wait(t, group.Wait)
	})
}

// echo makes a call with a nonce in its body and in its metadata.
func (c caller) echo() {
	body, value := nonce(), nonce()
	var answer transport.Metadata
	got, err := c.Call("Echo", body, transport.ClientBefore(transport.SetRequestMetadata("nonce", value)),
		transport.ClientAfter(func(ctx context.Context, m *transport.Message) context.Context {
			answer = m.Metadata
			return ctx
		}))
	if got != body || answer["nonce"] != value || err != nil {
		c.T.Errorf("Echo(%q) gives %q, %v, %v", body, got, answer, err)
	}
}
