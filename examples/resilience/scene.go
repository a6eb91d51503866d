package main

import (
	"runtime"
	"time"

	muxtransport "github.com/muxkit/muxkit/transport"
)

// scene is a case: what befalls whom, who calls meanwhile, and what is promised.
type scene struct {
	name    string
	without guard // what muxkit's breakers are compared with
	nodes   setup
	callers []caller
	// overload makes the calls at so many times the capacity, which is measured
	// first; 0: at the rate of the flag.
	overload float64

	strike     func(*cluster) error // nil: nothing befalls the cluster
	heal       func(*cluster) error
	terminates bool                       // nodes are ended in good order
	dark       bool                       // it needs a path that can swallow packets
	ejects     bool                       // the unlucky node is to go out, whatever it is called for
	lasts      func(config) time.Duration // from the strike on; nil: as a sickness does
	hurts      string                     // the method that is hurt; empty: all are

	// What muxkit's breakers promise, beside what holds in every case. A timely promise
	// is one that a machine can break which does not run this program in time.
	promises, timely []promise
}

// setup is how the nodes of a scene are.
type setup struct {
	takes    time.Duration // what a call takes a well node
	limit    int           // calls that a node takes at once; 0: no limit
	count    int           // 0: three
	depends  bool          // there is a further process, which methodJoin needs
	takeover bool          // a node's socket can outlive its process
}

// caller makes calls of one kind at a fixed rate.
type caller struct {
	method  string
	percent int // of the rate
	// fails is what its calls must expect to be answered; 0: they must not fail.
	fails muxtransport.Code
	// other marks calls that are not among the good ones, which must not suffer.
	other bool

	// What a second user in the client's process gets wrong.
	stranger bool
	token    string
	request  func() []byte
	timeout  time.Duration
}

// longTimeout is that of calls that can wait for nodes.
const longTimeout = 10 * time.Second

// well is a node that nothing is the matter with, and needs nobody. It takes a
// while for a call, so that there are calls in flight when it falls sick.
var well = setup{takes: 10 * time.Millisecond}

// scenes are all of them, in the order in which they are played.
func scenes() []scene {
	reads := []caller{{method: methodGet, percent: 75}, {method: methodPut, percent: 25}}
	sick := func(name string, strike, heal func(*cluster) error) scene {
		return scene{name: name, without: unguarded, nodes: well, callers: reads, strike: strike, heal: heal, ejects: true,
			promises: []promise{idempotentKept, nothingUnsentLost}, timely: []promise{idempotentInTime, halfAtOnce}}
	}
	blackHole := sick("black-hole", (*cluster).goDark, (*cluster).goLight)
	blackHole.dark = true

	// Only 1024 calls of a Set may wait, so that fewer are made in an outage.
	pair := setup{takes: well.takes, count: 2}
	patient := []caller{{method: methodGet, percent: 75, timeout: longTimeout}, {method: methodPut, percent: 25, timeout: longTimeout}}
	few := []caller{{method: methodGet, percent: 18, timeout: longTimeout}, {method: methodPut, percent: 6, timeout: longTimeout}}
	nothing := func(*cluster) error { return nil }                          // to be healed, but all nodes must answer
	shortly := func(config) time.Duration { return 200 * time.Millisecond } // the strike itself takes its time

	return []scene{
		blackHole,
		sick("killed", ofVictim((*process).kill), ofVictim((*process).restart)),
		sick("stopped", ofVictim((*process).stop), ofVictim((*process).resume)),
		sick("slow", tell("takes 500ms"), tell("takes "+well.takes.String())),
		sick("failing", tell("fails 50"), tell("fails 0")),
		{
			name: "failing-method", without: usual, nodes: well,
			callers: []caller{{method: methodGet, percent: 40}, {method: methodPut, percent: 20}, {method: methodScan, percent: 40}},
			strike:  tell("fails 100 " + methodScan), heal: tell("fails 0 " + methodScan), hurts: methodScan,
			promises: []promise{goodKept}, timely: []promise{goodInTime, halfAtOnce, noNodeOpens, onlyVictimsMethodOpens, allStayInUse},
		}, {
			name: "failing-dependency", without: usual, nodes: setup{takes: well.takes, depends: true},
			callers: []caller{{method: methodGet, percent: 50}, {method: methodPut, percent: 25},
				{method: methodJoin, percent: 25, fails: muxtransport.CodeUnavailable, other: true}},
			strike: (*cluster).killDependency, heal: (*cluster).restartDependency, hurts: methodJoin,
			promises: []promise{goodKept}, timely: []promise{goodInTime, halfAtOnce, noNodeOpens, allStayInUse, aMethodOpens, othersFailFast},
		}, {
			name: "bad-caller", without: usual, nodes: well,
			callers: append([]caller{{method: methodGet, percent: 30}, {method: methodPut, percent: 10}},
				mistakes(24)...),
			promises: []promise{goodKept, othersAnswered}, timely: []promise{goodInTime, othersInTime, halfAtOnce, nothingOpens, allStayInUse},
		}, {
			name: "overload", without: usual, overload: 2, nodes: setup{takes: 150 * time.Millisecond, limit: 15},
			callers: []caller{{method: methodGet, percent: 75, fails: muxtransport.CodeResourceExhausted},
				{method: methodPut, percent: 25, fails: muxtransport.CodeResourceExhausted}},
			promises: []promise{goodKept}, timely: []promise{goodInTime, halfAtOnce, nothingOpens, allStayInUse, goodputKept},
		}, {
			name: "rolling-restart", without: documented, nodes: pair, callers: patient,
			strike: (*cluster).restartInTurn, heal: nothing, lasts: shortly, terminates: true,
			promises: []promise{goodKept}, timely: []promise{goodInTime},
		}, {
			name: "takeover", without: documented, nodes: setup{takes: well.takes, count: 2, takeover: true}, callers: patient,
			strike: (*cluster).takeOverInTurn, heal: nothing, lasts: shortly, terminates: true,
			promises: []promise{goodKept}, timely: []promise{goodInTime},
		}, {
			name: "outage", without: documented, nodes: pair, callers: few,
			strike: (*cluster).killAll, heal: (*cluster).restartAll,
			lasts:    func(c config) time.Duration { return c.outage },
			promises: []promise{idempotentKept, nothingUnsentLost}, timely: []promise{idempotentInTime, nobodyWaitsOn, backSoon},
		}, {
			name: "replaced", without: documented, nodes: pair, callers: patient,
			strike: (*cluster).loseNode, heal: (*cluster).replaceNode,
			promises: []promise{idempotentKept, nothingUnsentLost}, timely: []promise{idempotentInTime, backSoon},
		}, {
			name: "discovery-gone", without: documented, nodes: pair, callers: patient,
			strike: (*cluster).loseDiscovery, heal: (*cluster).findDiscovery,
			promises: []promise{goodKept}, timely: []promise{goodInTime, nothingOpens},
		},
	}
}

// mistakes are the calls of the bad caller, each at so many percent of the rate.
func mistakes(percent int) []caller {
	m := []caller{
		{fails: muxtransport.CodeUnauthenticated, token: "guessed"},
		{fails: muxtransport.CodeNotFound, request: func() []byte { return unknownKey }},
		{fails: muxtransport.CodeInvalidArgument, request: func() []byte { return nonce()[1:] }},
		{fails: muxtransport.CodeBusiness, request: func() []byte { return lockedKey }},
		{fails: muxtransport.CodeDeadlineExceeded, timeout: time.Millisecond},
	}
	for i := range m {
		m[i].method, m[i].percent, m[i].other, m[i].stranger = methodGet, percent, true, true
	}
	return m
}

func tell(command string) func(*cluster) error {
	return ofVictim(func(p *process) error {
		_, err := p.tell(command)
		return err
	})
}

func ofVictim(do func(*process) error) func(*cluster) error {
	return func(c *cluster) error { return do(c.victim()) }
}

// possible reports whether this system can play the scene: not every one can stop a
// process, which a relay needs as well.
func (s scene) possible() bool {
	return runtime.GOOS != "windows" && runtime.GOOS != "plan9" || s.name != "stopped" && !s.dark && !s.terminates
}

// guards are those that the scene is played with.
func (s scene) guards() []guard {
	if s.without == documented { // there is nothing to compare with
		return []guard{documented}
	}
	return []guard{s.without, judged}
}
