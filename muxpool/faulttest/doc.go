// Package faulttest has tests only: the rows of the fault matrix (docs/reliability.md)
// in which connections, nodes, processes and networks fail. The rows about calls,
// ids, bytes and options are in the tests of package muxpool.
package faulttest
