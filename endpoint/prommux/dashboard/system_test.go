//go:build peers

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/peertest"
)

// process is one of the system's.
type process struct {
	role, address, page string
	nodes               []string
	process             *peertest.Process
}

// start runs a process, at the address that it had before if it is started again.
func (p *process) start(t *testing.T) {
	t.Helper()
	p.process = peertest.Start(t, peertest.Again(roleEnv+"="+p.role, listenEnv+"="+p.address, pageEnv+"="+p.page, nodesEnv+"="+strings.Join(p.nodes, ",")))
	line := p.process.Line("ready ")
	if n, err := fmt.Sscanf(line, "ready %s %s", &p.address, &p.page); n != 2 {
		t.Fatalf("%s is not ready: %v, %q", p.role, err, line)
	}
}

// do has it do wrong.
func (p *process) do(t *testing.T, f fault) {
	t.Helper()
	body, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post("http://"+p.page+"/fault", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
}

// scale makes of five minutes five seconds.
const scale = 1.0 / 60

// callers is the load: so many calls at a time.
const callers = 4

// A Prometheus looks at three services, of which the last has two nodes, under load: front
// calls shop, which calls stock. Each fault is played in turn. Its alerts fire then, and none
// whose fault was not played yet, for the longest of their times to begin with; in the end each
// panel has shown something.
func TestAlertsAndPanels(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes")
	}
	defer http.DefaultClient.CloseIdleConnections()
	stock := [2]*process{{role: "stock"}, {role: "stock"}}
	for _, p := range stock {
		p.address, p.page = "127.0.0.1:0", "127.0.0.1:0"
		p.start(t)
	}
	shop := &process{role: "shop", address: "127.0.0.1:0", page: "127.0.0.1:0", nodes: []string{stock[0].address, stock[1].address}}
	shop.start(t)
	front := &process{role: "front", address: "127.0.0.1:0", page: "127.0.0.1:0", nodes: []string{shop.address}}
	front.start(t)
	front.do(t, fault{Callers: callers})
	s := startPrometheus(t, scale, map[string][]string{"front": {front.page}, "shop": {shop.page}, "stock": {stock[0].page, stock[1].page}})

	both := func(f fault) {
		for _, p := range stock {
			p.do(t, f)
		}
	}
	steps := []struct {
		fault      string
		play, heal func()
		fires      []string
		may        []string // fire as well
	}{
		{"nothing", func() {
			s.until(t, "all rules had their time", func() bool { return s.number(t, `min(count_over_time(up[1h]))`) > 80 })
		}, func() {}, nil, nil},
		{"a node says that it takes no calls", func() { stock[0].do(t, fault{NotReady: true}) }, func() { stock[0].do(t, fault{}) },
			[]string{"MuxkitServiceNotReady"}, nil},
		{"a third of the calls fail", func() { both(fault{Errors: 0.35}) }, func() { both(fault{}) },
			[]string{"MuxkitServiceFails", "MuxkitCallsFail", "MuxkitBudgetUsedUp"}, nil},
		{"a service is slow", func() { both(fault{Delay: 1500 * time.Millisecond}) }, func() { both(fault{}) },
			[]string{"MuxkitCallsSlow"}, nil},
		{"one node of two is killed", func() { stock[0].process.Kill() }, func() { stock[0].start(t) },
			[]string{"MuxkitNodesOut", "MuxkitDialsFail"}, nil},
		{"both are", func() { stock[0].process.Kill(); stock[1].process.Kill() }, func() { stock[0].start(t); stock[1].start(t) },
			[]string{"MuxkitNoNode", "MuxkitCallsWait"}, []string{"MuxkitNodesFlap"}},
		{"they are killed again and again", func() {
			for i := 0; !s.firing(t, false)["MuxkitNodesFlap"]; i++ {
				if i == 50 {
					t.Fatal("50 kills are not enough")
				}
				p := stock[i%2]
				p.process.Kill()
				s.until(t, "it is out", func() bool { return s.number(t, `muxkit_set_available_nodes{job="shop"}`) < 2 })
				p.start(t)
				s.until(t, "it is back", func() bool { return s.number(t, `muxkit_set_available_nodes{job="shop"}`) == 2 })
			}
		}, func() {}, []string{"MuxkitNodesFlap"}, nil},
		{"more calls than limits allow", func() { both(fault{Delay: time.Second}); front.do(t, fault{Callers: 8 * maxInFlight}) },
			func() { both(fault{}); front.do(t, fault{Callers: callers}) },
			[]string{"MuxkitServiceNearLimit", "MuxkitServiceRefuses"}, nil},
	}
	played := make(map[string]bool)
	for _, step := range steps {
		early := func() {
			for name := range s.firing(t, true) {
				if !played[name] {
					t.Fatalf("%s has fired, and its fault was not played: %s", name, step.fault)
				}
			}
		}
		early()
		for _, name := range append(step.may, step.fires...) {
			played[name] = true
		}
		begin := time.Now()
		step.play()
		s.until(t, fmt.Sprintf("%s: %v fire", step.fault, step.fires), func() bool {
			firing := s.firing(t, false)
			return !slices.ContainsFunc(step.fires, func(name string) bool { return !firing[name] })
		})
		t.Logf("%s: after %v %v fire", step.fault, time.Since(begin).Round(time.Millisecond), slices.Sorted(maps.Keys(s.firing(t, false))))
		early()
		step.heal()
		s.until(t, "all is well after: "+step.fault, func() bool { return len(s.firing(t, false)) == 0 })
	}
	for _, a := range alerts {
		if !played[a.name] {
			t.Errorf("no fault was played for %s", a.name)
		}
	}
	for _, r := range rows {
		for _, p := range r.panels {
			for _, l := range p.lines {
				if !s.drawn(t, l.asked(`job=~".*",instance=~".*"`, "4s")) {
					t.Errorf("%s shows nothing for %s", p.title, l.expr)
				}
			}
		}
	}
}
