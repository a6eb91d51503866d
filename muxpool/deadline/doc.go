// Package deadline has contexts for callers who make one for each call: they end as
// those of context.WithTimeout do, and cost an object instead of four, and no timer.
//
//	ctx, cancel := deadline.WithTimeout(ctx, 50*time.Millisecond)
//	defer cancel()
//	response, err := call(ctx, request)
//
// What context.WithTimeout costs is a channel, a timer, and an entry with the parent.
// A Context makes them for the first who asks for Done. A call of muxpool, or of what
// is built on it, mostly does not ask, because the pool ends it at its deadline by
// itself and can be told of a cancellation in another way (Watch). To everybody else
// a Context is a context like any other, and costs what one does.
//
// One thing differs: a deadline that has passed counts only once somebody has noticed
// it, by Done, by Err, or with a call that it ended. A cancel before that, also of a Context
// made from it, leaves context.Canceled.
//
// Noticed, Watch, Unwatch, Canceled, Due and Base are for this module, and outside of what this module
// promises to keep: they may change with any version.
package deadline
