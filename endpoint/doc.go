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
// Each error says with a method Sent, found with errors.As, whether a peer may
// have got the request. A RetryError unwraps to the errors of all attempts; an
// AllOpenError to the reason of each node and tells when to come back; a
// NoNodesError to the discovery's error; LimitError, RemovedError and PanicError
// speak for themselves.
//
// # Goroutines
//
// A Set has one, its loop, which alone changes what the Set knows; callers read
// what it publishes. It ends with Close. Retry runs in its caller's goroutine and
// starts others only for WithHedging, which it waits for before it returns.
// Nothing else starts any.
//
// # Locks
//
// The call path takes none but that of an attempt's own deadline: nodes are read
// from atomic pointers, and loads, turns and budgets are atomic counters. A
// Directory has one lock for its list of nodes. No two are ever held together,
// and nothing of the user's is called under any.
//
// # Limits
//
// What is given to Retry must return when its context ends: nobody abandons it.
// Load is what this process has in flight, not what the node has. Weights and
// zones are not known to discovery as go-kit has it, and so not here.
package endpoint
