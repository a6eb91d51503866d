package endpoint

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// keys are calls with so many keys, and where each of them went.
func keys(t *testing.T, f *fleet, ep endpoint.Endpoint, n int) []string {
	t.Helper()
	f.mu.Lock()
	f.calls = nil
	f.mu.Unlock()
	for i := range n {
		if _, err := ep(WithCallOptions(t.Context(), CallKey(fmt.Sprint("user-", i))), nil); err != nil {
			t.Fatal(err)
		}
	}
	return f.called()
}

func TestAKeyGoesToItsNode(t *testing.T) {
	const n = 3000
	for _, p := range policies {
		f := &fleet{}
		nodes := f.nodes(abc...)
		w := &wall{shut: map[muxpool.Node]bool{}}
		ep := Retry(3, time.Second, NewBalancer(nodes, WithPolicy(p), withBreakers(w)))
		first := keys(t, f, ep, n)
		equal(t, "again", fmt.Sprint(keys(t, f, ep, n)), fmt.Sprint(first))

		of := map[string]int{}
		for _, at := range first {
			of[at]++
		}
		for _, name := range abc {
			if got := of[node(name).Address]; got < n/3-n/10 || got > n/3+n/10 {
				t.Errorf("%v: %s has %d of %d keys", p, name, got, n)
			}
		}

		w.shut[node("b")] = true
		w.changes++
		heirs := map[string]int{}
		for i, at := range keys(t, f, ep, n) {
			if first[i] == node("b").Address {
				heirs[at]++
			} else if at != first[i] {
				t.Fatalf("%v: key %d went from %s to %s when b went", p, i, first[i], at)
			}
		}
		if len(heirs) != 2 || heirs[node("b").Address] > 0 {
			t.Errorf("%v: the keys of b went to %v", p, heirs)
		}

		w.shut[node("b")] = false
		w.changes++
		equal(t, "once b is back", fmt.Sprint(keys(t, f, ep, n)), fmt.Sprint(first))
	}
}

// Whatever the order in which discovery names the nodes, and whichever process asks.
func TestWhereAKeyBelongsIsKnownToAll(t *testing.T) {
	f, g := &fleet{}, &fleet{}
	one := Retry(1, time.Second, NewBalancer(f.nodes("a", "b", "c")))
	other := Retry(1, time.Second, NewBalancer(g.nodes("c", "a", "b")))
	equal(t, "the others", fmt.Sprint(keys(t, g, other, 100)), fmt.Sprint(keys(t, f, one, 100)))
	// As it was when this was written: the next version must know it too.
	equal(t, "the first ones", fmt.Sprint(f.called()[:8]), "[c:1 a:1 b:1 b:1 b:1 b:1 b:1 c:1]")
}

// A further attempt goes elsewhere, and to the same node each time.
func TestAKeysFurtherAttemptGoesElsewhere(t *testing.T) {
	var went []string
	for range 20 {
		f := &fleet{do: script(&breaker.OpenError{Node: node("x")})}
		ep := Retry(3, time.Second, NewBalancer(f.nodes(abc...)))
		if _, err := ep(WithCallOptions(t.Context(), CallKey("k")), nil); err != nil {
			t.Fatal(err)
		}
		calls := f.called()
		if len(calls) != 2 || calls[0] == calls[1] {
			t.Fatalf("went to %v", calls)
		}
		if went == nil {
			went = calls
		}
		equal(t, "the way", fmt.Sprint(calls), fmt.Sprint(went))
	}
}

// One that has no key goes by the policy, also after one that has.
func TestAnEmptyKeyIsNone(t *testing.T) {
	f := &fleet{}
	ep := Retry(1, time.Second, NewBalancer(f.nodes(abc...), WithPolicy(RoundRobin)))
	ctx := WithCallOptions(WithCallOptions(t.Context(), CallKey("k")), CallKey(""))
	for range 3 {
		ep(ctx, nil)
	}
	equal(t, "nodes", fmt.Sprint(f.called()), fmt.Sprint([]string{"a:1", "b:1", "c:1"}))
}
