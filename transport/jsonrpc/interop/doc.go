// Package interop tests transport/jsonrpc against the JSON-RPC packages of npm, as
// processes of node: jayson, 2.0 and 1.0 over TCP, and json-rpc-2.0, both as servers and
// as clients. The packages are those of peer/package-lock.json, which npm installs into a
// temporary folder. Without node, npm or a registry the tests are skipped, unless CI is
// set in the environment.
package interop
