package endpoint

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/internal/bounded"
)

// hearer takes what a Publisher tells, when it is asked to.
type hearer chan InstancesEvent

// hears is what has come, in words; only in a bubble.
func (h hearer) hears() string {
	var words []string
	for {
		synctest.Wait()
		select {
		case ev := <-h:
			if ev.Err != nil {
				words = append(words, "!"+ev.Err.Error())
				continue
			}
			text := ""
			for _, in := range ev.Instances {
				text += in.String() + " "
			}
			words = append(words, "["+strings.TrimSpace(text)+"]")
		default:
			return strings.Join(words, " ")
		}
	}
}

func TestAPublisherTellsWhatIsNew(t *testing.T) {
	a, b := Instance{Address: "a:1"}, Instance{Address: "b:1"}
	heavy := Instance{Address: "a:1", Weight: 2}
	away, gone := errors.New("away"), errors.New("gone")
	for _, c := range []struct {
		name string
		do   func(p *Publisher, hear func())
		want string
	}{
		{"nothing yet", func(*Publisher, func()) {}, ""},
		{"an error before a list", func(p *Publisher, hear func()) { p.Fail(away) }, "!away"},
		{"no error", func(p *Publisher, hear func()) { p.Fail(nil) }, ""},
		{"a list", func(p *Publisher, hear func()) { p.Publish([]Instance{a, b}) }, "[a:1 b:1]"},
		{"none at all", func(p *Publisher, hear func()) { p.Publish(nil) }, "[]"},
		{"the same again", func(p *Publisher, hear func()) { p.Publish([]Instance{a}); hear(); p.Publish([]Instance{a}) }, "[a:1] "},
		{"another weight", func(p *Publisher, hear func()) { p.Publish([]Instance{a}); hear(); p.Publish([]Instance{heavy}) }, `[a:1] [{"address":"a:1","weight":2}]`},
		{"an error, and the same list", func(p *Publisher, hear func()) {
			p.Publish([]Instance{a})
			p.Fail(away)
			hear()
			p.Publish([]Instance{a})
		}, "[a:1] !away [a:1]"},
		{"the same error again", func(p *Publisher, hear func()) { p.Fail(away); hear(); p.Fail(errors.New("away")) }, "!away "},
		{"another error", func(p *Publisher, hear func()) { p.Fail(away); hear(); p.Fail(gone) }, "!away !gone"},
		{"the same error after a list", func(p *Publisher, hear func()) { p.Fail(away); hear(); p.Publish(nil); p.Fail(away) }, "!away [] !away"},
		{"who is slow hears the newest", func(p *Publisher, hear func()) {
			p.Publish([]Instance{a})
			synctest.Wait() // it is being sent
			p.Fail(away)
			p.Publish([]Instance{b})
			p.Publish([]Instance{a, b})
			p.Fail(gone)
		}, "[a:1] [a:1 b:1] !gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var p Publisher
				defer p.Stop()
				h, got := make(hearer), ""
				p.RegisterInstances(h)
				c.do(&p, func() { got += h.hears() + " " })
				if got += h.hears(); got != c.want {
					t.Errorf("%s, want %s", got, c.want)
				}
			})
		})
	}
}

// Whatever is told of an instance makes it another, and the order of its labels does not.
func TestInstancesThatAreTheSame(t *testing.T) {
	in := Instance{Address: "a:1", Weight: 2, Zone: "z", Labels: map[string]string{"k": "v", "l": ""}}
	for name, c := range map[string]struct {
		other Instance
		want  bool
	}{
		"itself":            {in, true},
		"a copy":            {Instance{"a:1", 2, "z", map[string]string{"l": "", "k": "v"}}, true},
		"another address":   {Instance{"a:2", 2, "z", in.Labels}, false},
		"another weight":    {Instance{"a:1", 3, "z", in.Labels}, false},
		"another zone":      {Instance{"a:1", 2, "y", in.Labels}, false},
		"no labels":         {Instance{"a:1", 2, "z", nil}, false},
		"another value":     {Instance{"a:1", 2, "z", map[string]string{"k": "w", "l": ""}}, false},
		"another name":      {Instance{"a:1", 2, "z", map[string]string{"k": "v", "m": ""}}, false},
		"one label fewer":   {Instance{"a:1", 2, "z", map[string]string{"k": "v"}}, false},
		"one label further": {Instance{"a:1", 2, "z", map[string]string{"k": "v", "l": "", "m": ""}}, false},
	} {
		if in.same(c.other) != c.want || c.other.same(in) != c.want {
			t.Errorf("%s: %v", name, in.same(c.other))
		}
	}
}

// Who comes while the discovery system is away has the last list, before Register returns.
func TestAPublisherGreetsWithTheLastList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Publisher
		p.Publish([]Instance{{Address: "b:1", Weight: 3}, {Address: "a:1"}})
		p.Fail(errors.New("away"))
		ch := make(chan sd.Event, 1)
		p.Register(ch)
		first := bounded.Receive(t, ch)
		if fmt.Sprint(first) != "{[b:1 a:1] <nil>}" {
			t.Errorf("first %v", first)
		}
		first.Instances[0] = "changed"
		if ev := bounded.Receive(t, ch); ev.Err == nil || ev.Instances != nil {
			t.Errorf("then %v", ev)
		}
		p.Deregister(ch)
		close(ch) // as go-kit's endpointer does
		p.Publish(nil)
		p.Publish([]Instance{{Address: "c:1"}})
		p.Stop()
		last := make(hearer, 1)
		p.RegisterInstances(last)
		if got := last.hears(); got != "[c:1]" {
			t.Errorf("after Stop: %s", got)
		}
		p.Publish(nil)
		if got := last.hears(); got != "" {
			t.Errorf("after Stop there came %s", got)
		}
		p.DeregisterInstances(last)
		p.Stop()
	})
}

// One who takes nothing delays neither the others nor the Publisher, and can leave.
func TestAPublisherWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Publisher
		stuck, other := make(hearer), make(hearer)
		p.RegisterInstances(stuck)
		p.RegisterInstances(other)
		p.RegisterInstances(other) // twice is once
		for i := range 3 {
			p.Publish([]Instance{{Address: fmt.Sprint(i)}})
			if got := other.hears(); got != fmt.Sprintf("[%d]", i) {
				t.Errorf("%d: %s", i, got)
			}
		}
		p.DeregisterInstances(stuck)
		registered := make(chan struct{})
		go func() {
			defer close(registered)
			p.RegisterInstances(stuck) // waits for it to take the list
		}()
		synctest.Wait()
		p.Stop()
		bounded.Receive(t, registered)
	})
}

func TestAPublisherPacesItsEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Publisher{MinInterval: 100 * time.Millisecond}
		h := make(hearer)
		p.RegisterInstances(h)
		count := 0
		for i := range 1000 { // a millisecond each
			p.Publish([]Instance{{Address: fmt.Sprint(i)}})
			if got := h.hears(); got != "" {
				count++
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond)
		if got := h.hears(); count != 10 || got != "[999]" {
			t.Errorf("%d events in a second, then %s", count, got)
		}
		p.Publish(nil)
		synctest.Wait()
		p.Stop() // it does not wait
	})
}

func TestAwaitTellsWhyThereIsNoList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Publisher
		away := errors.New("away")
		short := func() context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			t.Cleanup(cancel)
			return ctx
		}
		if err := p.Await(short()); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		p.Fail(away)
		if err := p.Await(short()); !errors.Is(err, away) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		time.AfterFunc(time.Second/2, func() { p.Publish(nil) })
		began := time.Now()
		if err := p.Await(short()); err != nil || time.Since(began) != time.Second/2 {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		p.Fail(away)
		if err := p.Await(short()); err != nil {
			t.Error(err)
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		for range 100 { // whichever of the two is looked at first
			if err := p.Await(over); err != nil {
				t.Fatalf("there is a list: %v", err)
			}
		}
	})
}

// Who has been left by Stop may leave, and a second Stop finds nobody.
func TestAPublisherStopsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Publisher
		h := make(hearer)
		p.RegisterInstances(h)
		p.Stop()
		p.Stop()
		p.DeregisterInstances(h)
		p.Publish(nil)
		equal(t, "heard", h.hears(), "")
	})
}

// A Set follows a Publisher: what is told before NewSet is known when that returns.
func TestASetFollowsAPublisher(t *testing.T) {
	var p Publisher
	p.Publish([]Instance{{Address: "a:1", Zone: "north"}})
	p.Fail(errors.New("away"))
	s := NewSet(&p, nil)
	defer s.Close()
	if got := addresses(s); got != "a:1" || s.Nodes()[0].Instance.Zone != "north" {
		t.Errorf("at once: %s", got)
	}
	p.Publish([]Instance{{Address: "a:1"}, {Address: "b:1"}})
	eventually(t, "b:1 does not come", func() bool { return addresses(s) == "a:1 b:1" })
}

func TestParseInstance(t *testing.T) {
	for text, want := range map[string]Instance{
		"10.0.0.1:80":           {Address: "10.0.0.1:80"},
		" http://10.0.0.1:80\n": {Address: "http://10.0.0.1:80"},
		`{"address":"a:1"}`:     {Address: "a:1"},
		`{"address":"a:1","x":7, "zone":"z", "weight":4294967295,"labels":{"k":"v"}}`: {Address: "a:1", Weight: 4294967295, Zone: "z", Labels: map[string]string{"k": "v"}},
	} {
		in, err := ParseInstance(text)
		if err != nil || !in.same(want) {
			t.Errorf("%s is %+v, %v", text, in, err)
		}
		if again, err := ParseInstance(in.String()); err != nil || !again.same(in) {
			t.Errorf("%s, written as %s, is %+v, %v", text, in, again, err)
		}
	}
	for _, text := range []string{
		"", " ", "a b:1", "a:1\x00", "\u202ea:1", "a\xff:1", "{", "{}", `{"address":""}`, `{"address":"a:1"`, `{"address":"a:1"}{}`, `{"address":"a:1"} x`,
		`{"address":7}`, `{"address":"a:1","weight":-1}`, `{"address":"a:1","weight":4294967296}`, `{"address":"a:1","weight":1.5}`,
		`{"address":"a:1","labels":["x"]}`, `{"address":"a\n:1"}`, `{"address":"a:1","zone":"` + "\xff" + `"}`, "[]a b", strings.Repeat("a", maxInstanceText+1),
	} {
		if in, err := ParseInstance(text); !errors.Is(err, ErrInstance) || len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\n\x00") {
			t.Errorf("%.40q is %+v, %v", text, in, err)
		}
	}
	full := `{"address":"a:1","zone":"`
	full += strings.Repeat("z", maxInstanceText-len(full)-len(`"}`)) + `"}`
	if in, err := ParseInstance(full); err != nil || in.Address != "a:1" {
		t.Errorf("of %d bytes: %v", len(full), err)
	}
	brace := Instance{Address: "{a"}
	if in, err := ParseInstance(brace.String()); err != nil || !in.same(brace) {
		t.Errorf("%+v, %v", in, err)
	}
}
