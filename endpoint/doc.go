// Package endpoint composes calls to the nodes of a service into go-kit
// endpoints: it follows service discovery, balances over the nodes that take
// calls, and retries what may be retried. Import it as muxendpoint, since go-kit
// has a package of the same name.
//
//	       WithMiddleware: metrics, logging, the span of the call
//	                           |
//	                         Retry ------ Budget
//	                           |
//	                        Balancer ---- breakers: which nodes take calls?
//	                           |
//	   +-----------------------+-----------------------+
//	   |                       |                       |
//	one chain for each node: WithNodeMiddleware -> breaker -> Client
//	   ^                       ^                       ^
//	   +-----------------------+-----------------------+
//	                          Set <------ sd.Instancer
//
// A Set makes all of it for all methods of a service. Each part also stands
// alone, in a chain made by hand: Factory and Directory for go-kit's own
// sd.NewEndpointer, Balancer where a go-kit lb.Balancer goes, Retry over any
// lb.Balancer, and the middlewares Timeout, Limit, LimitWait, Recovery, Logging
// and Instrumenting. Typed gives the outermost endpoint its types.
//
// # Errors
//
// What an error means one function says for all of muxkit, verdict.Of, and this package
// goes by it everywhere: whose it is, whether the call was run, and what that makes of a
// further attempt, a node's weight, a label of a metric. Its own errors tell it with a
// method Verdict, and the HTTP status of it with StatusCode. A RetryError speaks as its last
// attempt does, and unwraps to the errors of all; an AllOpenError unwraps to the reason of
// each node and tells when to come back, a NoNodesError to the discovery's error. For the
// errors of other packages there are Judging and WithJudging.
//
// # Goroutines
//
// A Set has one that takes the discovery's events, until Close, and one in which it
// calls what the user gave it, while there is anything to call: its lane. User code that
// blocks there keeps its goroutine, and another one goes on. A Refresher is called in a
// goroutine of its own, and so are an Instancer's Register and Deregister, and what makes
// clients or parses nodes while an earlier one is slow. A Publisher has one for each
// subscriber. Retry runs in its caller's goroutine and starts others only for
// hedges and for attempts that are overtaken, which it waits for before it returns. Timers
// have theirs for the moment in which they fire. Nothing else starts any: calls that wait for a node do so in their callers' goroutines.
//
// # Locks
//
// The call path waits for none but that of an attempt's own deadline, those named below
// and, where a call failed, that of LoggingSlog: nodes are read
// from atomic pointers, and loads, weights, turns and budgets are atomic numbers. When a
// breaker or discovery has changed something, the first caller to see it makes a new index
// of the nodes that take calls, under a lock that nobody waits for. A
// Directory has one lock for its list of nodes, which the first caller after a change takes.
// A Set has a mutex for what it knows, under which those of its lane and of the breakers are
// taken, and which no call takes; the last call of a node that was dropped takes the lane's, and
// so does, with WithSubset, the first to see a change.
// Calls that wait for a node have a lock for their line, and attempts that may be overtaken
// one for the timer that looks at them; both are leaves.
// Nothing of the user's is called under any.
//
// # Limits
//
// What is given to Retry must return when its context ends: nobody abandons it.
// Load is what this process has in flight, not what the node has; of what others send
// there it learns from refusals alone. Labels that an Instancer tells are shown by Set.Nodes,
// and nobody goes by them. Clients that hold subsets do not know of each other: those that began with
// different nodes are not spread exactly evenly.
package endpoint
