// Package attacktest attacks a server, a process with the memory of a small container,
// from another process, with everything that a stranger can send, while an honest client
// goes on making calls. It holds tests only.
//
//	go test -run TestServerUnderAttack -v ./transport/attacktest
//
// MUXKIT_ATTACK=60s makes it longer than the 5 s of an ordinary run.
package attacktest
