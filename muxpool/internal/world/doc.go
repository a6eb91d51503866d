// Package world has what the tests of the pool tell their stories with: a pool with
// the settings of the fault matrix, a node to which things happen, and a healthy
// one that must not notice. Around every story it checks the invariants that
// docs/reliability.md names I1 to I6.
//
//	world.Both(t, world.Setup{}, func(w *world.World) {
//		w.Victim.Do(muxtest.Reset)
//		w.WantError(w.Call(), muxpool.ErrConnLost, true)
//	})
//
// A story is told in memory, in a testing/synctest bubble, on loopback sockets, or
// with a victim that is a process of its own. Only tests import this package.
package world
