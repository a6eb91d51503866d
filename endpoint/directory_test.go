package endpoint

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
)

// byHand is a Directory of a shop's nodes under go-kit's endpointer.
func byHand(d sd.Instancer, f *shop, opts ...Option) (dir *Directory, over Endpointer, stop func()) {
	dir = NewDirectory(bareClient, opts...)
	dir.build = ofFactory(f.factory)
	e := sd.NewEndpointer(d, dir.Factory, log.NewNopLogger(), sd.InvalidateOnError(time.Second))
	synctest.Wait()
	return dir, dir.Over(e), func() { e.Close(); dir.Close() }
}

// Calls that wait hear of each node that comes, also after discovery has failed; and of Close.
func TestCallsWaitOverADirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, f := discover(), &shop{}
		dir, over, stop := byHand(d, f)
		defer stop()
		var wg sync.WaitGroup
		defer bounded.Wait(t, wg.Wait)
		call := Retry(3, 0, NewBalancer(over), WithWait(0))
		waits := func(what string, until func()) {
			begin := time.Now()
			wg.Go(func() {
				if _, err := call(t.Context(), nil); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				equal(t, what+": took", time.Since(begin), time.Second)
			})
			time.Sleep(time.Second)
			until()
			wg.Wait()
		}
		waits("no node", func() { d.send(sd.Event{Instances: []string{"a:1"}}) })
		d.send(sd.Event{Err: errLost})
		time.Sleep(time.Minute)
		waits("discovery fails", func() { d.send(sd.Event{Instances: []string{"a:1"}}) })
		d.send(sd.Event{})
		synctest.Wait()
		wg.Go(func() {
			_, err := call(t.Context(), nil)
			mustBe(t, err, ErrSetClosed)
		})
		time.Sleep(time.Second)
		dir.Close()
		bounded.Wait(t, wg.Wait)
	})
}

// A node that joins a Directory's others begins slowly; the first ones do not, however slowly
// go-kit makes them, nor does one that takes the place of all.
func TestANodeThatJoinsADirectoryGetsItsLoadSlowly(t *testing.T) {
	for name, c := range map[string]struct {
		opts []Option
		most float64 // of its share in the first 30 ms
	}{
		"by default":       {nil, 0.15},
		"WithoutSlowStart": {[]Option{WithoutSlowStart()}, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, f := discover("a:1"), &shop{fleet: fleet{do: working}}
			_, over, stop := byHand(d, f, c.opts...)
			defer stop()
			call := Retry(3, 0, NewBalancer(over))
			f.load(t, 40, 100*time.Millisecond, "a:1", call)
			d.send(sd.Event{Instances: []string{"a:1", "b:1"}})
			synctest.Wait()
			if share := f.load(t, 40, 100*time.Millisecond, "b:1", call); share < 0.4 {
				t.Errorf("%s: %.2f of the calls for one of two that are both new", name, share)
			}
			time.Sleep(time.Minute)
			d.send(sd.Event{Instances: []string{"a:1", "b:1", "c:1"}})
			synctest.Wait()
			share := f.load(t, 40, 30*time.Millisecond, "c:1", call)
			if share > c.most || c.most == 1 && share < 0.25 {
				t.Errorf("%s: %.2f of the calls of the first 30 ms", name, share)
			}
			time.Sleep(time.Minute)
			if share := f.load(t, 40, time.Second, "c:1", call); share < 0.25 {
				t.Errorf("%s: %.2f of the calls in the end", name, share)
			}
			d.send(sd.Event{Instances: []string{"d:1"}})
			synctest.Wait()
			if share := f.load(t, 40, 30*time.Millisecond, "d:1", call); share != 1 {
				t.Errorf("%s: %.2f of the calls for the only node", name, share)
			}
		})
	}
}

// Those that come within a second of the first one are among the first.
func TestTheFirstNodesOfADirectoryComeInASecond(t *testing.T) {
	for after, slowly := range map[time.Duration]bool{0: false, time.Second - 1: false, time.Second: true} {
		synctest.Test(t, func(t *testing.T) {
			dir := NewDirectory(bareClient)
			defer dir.Close()
			dir.build = ofFactory((&shop{}).factory)
			comes := func(instance string) *member {
				if _, _, err := dir.Factory(instance); err != nil {
					t.Fatal(err)
				}
				list := must(dir.NodeEndpoints())
				return list[len(list)-1].member
			}
			first := comes("a:1")
			time.Sleep(after)
			second := comes("b:1")
			equal(t, "the first begins slowly", first.weight.rising.Load() != nil, false)
			equal(t, fmt.Sprint("one that comes after ", after, " begins slowly"), second.weight.rising.Load() != nil, slowly)
		})
	}
}

// The nodes of a Directory are those that were made and not closed, in order, whatever came and went between two looks.
func TestTheNodesOfADirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := NewDirectory(bareClient)
		defer dir.Close()
		dir.build = ofFactory((&shop{}).factory)
		closers := map[string]io.Closer{}
		comes := func(names ...string) {
			for _, name := range names {
				var err error
				if _, closers[name], err = dir.Factory(name + ":1"); err != nil {
					t.Fatal(err)
				}
			}
		}
		goes := func(names ...string) {
			for _, name := range names {
				closers[name].Close()
			}
		}
		see := func(want ...string) {
			t.Helper()
			list, err := dir.NodeEndpoints()
			var got []string
			for _, e := range list {
				got = append(got, strings.TrimSuffix(e.Node().Address, ":1"))
			}
			if !slices.Equal(got, want) || (err == nil) != (len(want) > 0) {
				t.Errorf("%v, %v, want %v", got, err, want)
			}
		}
		see()
		comes("a", "b")
		see("a", "b")
		goes("a")
		see("b")
		time.Sleep(time.Minute)
		comes("c")
		see("b", "c")
		equal(t, "one that joins begins slowly", must(dir.NodeEndpoints())[1].member.weight.rising.Load() != nil, true)
		goes("b", "c")
		see()
		comes("b")
		goes("b")
		see()
		comes("c", "a", "b")
		see("a", "b", "c")
		goes("c", "a")
		see("b")
		comes("d", "a")
		goes("b")
		see("a", "d")
		comes("c")
		goes("d") // as many as come
		see("a", "c")
		goes("a")
		comes("a")
		see("a", "c")
		goes("c", "a")
		see()
	})
}

// Its breakers guard the endpoints that go-kit gets.
func TestADirectoryHasBreakers(t *testing.T) {
	g := breaker.NewGroup()
	defer g.Close()
	dir := NewDirectory(bareClient, WithBreakers(g))
	defer dir.Close()
	ep, _, err := dir.Factory("a:1")
	if err != nil {
		t.Fatal(err)
	}
	g.ForceOpen(node("a"), nil)
	_, err = ep(t.Context(), []byte("x"))
	equal(t, "out", as[*breaker.OpenError](t, err).Node, node("a"))
}

// A node that is named in several spellings is there once, wherever it stands, and the list that was given stays as it is.
func TestNodesAreDistinct(t *testing.T) {
	for names, want := range map[string]string{"": "", "a": "a", "aa": "a", "ab": "ab", "aab": "ab", "abb": "ab", "aabbcc": "abc", "abc": "abc"} {
		var list []*NodeEndpoint
		for _, name := range names {
			list = append(list, &NodeEndpoint{member: &member{text: string(name)}})
		}
		got := ""
		for _, e := range distinct(list) {
			got += e.member.text
		}
		for i, e := range list {
			if e == nil || e.member.text != names[i:i+1] {
				t.Errorf("%q was changed", names)
			}
		}
		if got != want {
			t.Errorf("%q are %q, want %q", names, got, want)
		}
	}
}
