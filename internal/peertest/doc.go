// Package peertest is for tests against programs that are not ours: it runs them in processes that do not outlive the tests,
// gives orders to a real client, holds calls at a gate, and loads a server while it is killed and comes back. What it runs
// around somebody else's library, a peer, uses it too. It is for tests only, and needs nothing but the standard library.
package peertest

import "time"

// Patience bounds waits that a correct run never sees the end of.
const Patience = 60 * time.Second
