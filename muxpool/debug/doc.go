// Package debug shows a pool's state to someone who looks: nodes, connections,
// counters and the latest events, as text or as JSON.
//
//	pool --Stats-----> Handler --> text or JSON
//	pool --Subscribe-> Recorder --^ (the last events, kept in a ring)
//
// [Handler] answers from a snapshot and keeps nothing. A [Recorder] tells what
// led to the state that the snapshot shows, such as why a node was expelled:
//
//	recorder := debug.NewRecorder(pool, 200)
//	defer recorder.Close()
//	http.Handle("/debug/muxpool", debug.Handler(pool, debug.WithRecorder(recorder)))
//
// # Locks and goroutines
//
// The package starts no goroutine. A recorder's lock is a leaf: under it events
// are copied, and nothing is called.
//
// # Limits
//
// The page names addresses and errors: serve it where the public cannot reach
// it. Text that came from peers is cut to 256 bytes, and quoted where it holds
// what does not print, in both forms. A node with several identities (parser,
// TLS settings, local address) has a line for each. The
// snapshot takes each node's lock in turn, so a page of many nodes is none
// to be fetched many times a second.
package debug
