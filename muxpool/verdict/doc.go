// Package verdict says of any error that a call can end with whose it is, and
// whether the call was run: the one judgement that breakers, retries, hedges,
// metrics, logs and a server's error encoder ask.
//
//	v := verdict.Of(err)
//	v.Whose          // caller, method, node, path, overload, nobody
//	v.Ran            // maybe, not sent, refused, yes
//	v.Code           // one of the canonical codes that gRPC and Connect share, or one of ours
//	v.SafeToRetry()  // whatever the request does
//
// An error tells it by one method, Verdict() Verdict; those of muxkit do. What the
// errors of the pool, of go-kit, gobreaker and the standard library mean is known
// here. For those of other packages there is Tell, and rules that apply it (see
// Rule). The outermost error that says anything speaks: an error that wraps another
// call's error and has a Verdict of its own is not overruled by it.
//
// docs/judgement.md is the table; a test compares it with this package.
//
// The package has no state, no goroutine and no lock.
package verdict
