// Package troubletest has tests that make what goes wrong between real peers, on real sockets:
// docs/trouble.md is printed from what a caller then gets, and compared with it.
package troubletest
