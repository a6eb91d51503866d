// Package interop proves transport/ttheader on real peers: Kitex's server and client, with its
// mux and without, Apache Thrift's in Go, and Apache Thrift's in Python. It holds nothing but
// tests and the programs in peer, in a module of its own, so that muxkit does not depend on
// the peers.
//
// The peers run in processes of their own, which the tests build and start, and kill. Those of
// Kitex are built without the race detector, whose checkptr its network library does not
// survive.
package interop
