// Package deadline has contexts for callers who make one for each call: they end as
// those of context.WithTimeout do, and cost a quarter as much.
//
//	ctx, cancel := deadline.WithTimeout(ctx, 50*time.Millisecond)
//	defer cancel()
//	response, err := call(ctx, request)
//
// What context.WithTimeout costs is a channel, a timer, and an entry with the parent.
// A Context makes them for the first who asks for Done; muxpool and whatever is built
// on it do not, because the pool ends a call at its deadline by itself and can be
// told of a cancellation in another way (Watch). For everybody else a Context is a
// context like any other.
package deadline
