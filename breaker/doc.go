// Package breaker keeps a circuit breaker for each node of a service, so that a
// dead or sick node costs its callers nothing. A node is judged by two sources:
// what the connection pool says of its connections, and what its calls come to.
//
//	pool := ...                                          // muxpool.New
//	breakers := breaker.NewGroup(breaker.WithMaxEjection(0.5))
//	defer breakers.Close()
//	defer breakers.Watch(pool)()                         // a node without connections is out at once
//	ep := breakers.Middleware(node)(client.Endpoint())   // and one whose calls fail, soon
//
// # Parts
//
//	call ──> Middleware ──> gate ──(closed)──> endpoint ──> Classifier ──> judge: gobreaker, windows
//	                         │ ▲                                             │ sick
//	                         │ │ replaced whole at each change               ▼
//	                         │ └────────── node: latches by pool, calls, hand; mode; pace <── census
//	   Group.Watch ──────────┼────────────────────────▲  │                   (how many may be out)
//	   Prober (timer) ───────┼────────────────────────┘  └──> notices ──> listeners
//	   refused: *OpenError <─┘
//
// A node's gate is all that its calls look at, through one atomic pointer. It
// names a state, and for a closed node the judge that the call's outcome goes to. A
// change of state makes a new gate: an outcome or a probe that began behind an
// older one is late and counts for nothing, so no event can be undone by an
// answer that was under way when it came.
//
// A node is out while one of its latches holds: the pool's, its calls' or its
// operator's. They are apart so that a reconnect ends only what a lost connection
// began. docs/breaker.md draws the states and compares the features with others'.
//
// # Locks
//
// Group.mu -> node.mu -> one of census.mu, notices.mu, judge.mu and gobreaker's
// mutex. User functions run under none of them, but for two: an Option runs under
// Group.mu, and a ReadyToTrip under gobreaker's mutex, as it does with gobreaker
// alone. A call to a closed node takes the locks of its node's judge and
// gobreaker, nothing that nodes share, and does not allocate.
//
// # Goroutines
//
// None of its own but: one while there are notices to deliver, one for each run of
// a Prober, and those of the timers (forgetting, probes, Deviation's interval)
// for the moment in which they fire. Close ends them.
//
// # Limits
//
// A Group is the view of one process: it shares nothing with others. Latency
// is judged by SlowCalls only, not against other nodes'. A stuck call is
// unknown to the detectors until it ends, so give calls deadlines; the pool
// sees a silent peer without them. Nodes are few (thousands at most): the table
// of nodes is copied when one is added.
package breaker
