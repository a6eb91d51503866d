// Package breaker keeps circuit breakers for the nodes of a service and for the
// methods on them, so that a dead or sick node costs its callers nothing, and
// nothing but a sick node is kept out. Two sources judge: what the connection pool
// says of its connections, and what calls come to, as package verdict sees it.
//
//	pool := ...                                          // muxpool.New
//	breakers := breaker.NewGroup(breaker.WithMaxEjection(0.5))
//	defer breakers.Close()
//	defer breakers.Watch(pool)()                         // a node without connections is out at once
//	ep := breakers.Middleware(node)(client.Endpoint())   // and one whose calls fail, soon
//
// # Parts
//
//	Group ── nodes, by address: the pool's events, an operator's orders
//	  └─ Scope ── a service: settings, shares, comparison
//	       └─ member ── a node in a service, under one identity
//	            ├─ circuit: the node's
//	            └─ circuit: one for each method with a name
//
//	call ──> Guard ──> gates ──(closed)──> endpoint ──> verdict ──> finding ──> judge: streaks, windows
//	           │        ▲                                                          │ sick
//	           │        │ replaced whole                                           ▼
//	           │        └──────── circuit: latches by pool, calls, hand; pace <── census
//	   Watch ──┼──────────────────────▲ │                                (how many may be out)
//	   probes ─┼──────────────────────┘ └──> notices ──> listeners
//	 refused: *OpenError
//
// A circuit's state changes through one door, move, by one table, moves, and every
// change makes a new generation. Calls look at the circuit's gate only, through one
// atomic pointer; it names the generation, and with it the judge or the trial that the
// call's outcome goes to. What began in an earlier generation is late and counts for
// nothing, but for the success of a probe that took longer than its deadline, if
// nothing but deadlines has spoken against the circuit since. So no event can be undone
// by an answer that was under way when it came.
// New settings and an operator's orders make a new gate of the same generation: what
// runs goes on.
//
// A circuit is out while one of its latches holds: the pool's, its calls' or its
// operator's. They are apart so that a reconnect ends only what a lost connection
// began: that ends by the pool's word, or by a probe that connects and pings. What calls
// began ends by a call, or by a Prober of the user's. docs/breaker.md draws the states and compares the breaker with others'.
//
// # Locks
//
// Group.mu -> node.mu -> one of census.mu, notices.mu and judge.mu; Group.mu, or
// gobreaker's mutex, -> panics.mu -> notices.mu; silence.mu is taken alone. node.mu
// guards all circuits of an address. User functions run under none of them, but for two: an Option runs under Group.mu, and a ReadyToTrip
// under gobreaker's mutex, as it does with gobreaker alone. A call behind closed
// circuits takes the locks of their judges, nothing that nodes share, and does not
// allocate. A panic in a user's function is contained: see PanicError.
//
// # Goroutines
//
// None of its own but: one while there are notices to deliver, one for each listener that
// takes too long, one for each run of a probe, and, for the moment in which they fire,
// those of the timers (forgetting, the end of an ejection, Deviation's interval, the
// deadline of a probe, the look at a slow listener) and of a probing call's context. A circuit that is out has one timer.
// Close ends them.
//
// # Limits
//
// A Group is the view of one process: it shares nothing with others. Latency is
// judged by SlowCalls only, not against other nodes'. A stuck call is unknown to the
// detectors until it ends, and counts as one that may yet succeed, so give calls
// deadlines; the pool sees a silent peer without them. Methods and identities are
// remembered as long as their node: they are not to be made up for each call.
package breaker
